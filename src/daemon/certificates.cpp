#include "certificates.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <stdexcept>

#include "log.hpp"

namespace muster::daemon {
namespace {

/// Which file it is and when it was written; links are followed.
void append_stamp(std::string& out, const std::string& path) {
    struct stat file {};
    if (::stat(path.c_str(), &file) != 0) file = {};
    for (auto number : {static_cast<long long>(file.st_dev), static_cast<long long>(file.st_ino),
                        static_cast<long long>(file.st_size), static_cast<long long>(file.st_mtim.tv_sec),
                        static_cast<long long>(file.st_mtim.tv_nsec)})
        out.append(std::to_string(number)).append(" ");
}

std::string text_of(const base::TlsFiles& files, const base::TlsFault& fault) {
    using File = base::TlsFault::File;
    const auto& pair = files.certificates[fault.index];
    const auto& path = fault.file == File::client_ca ? files.client_ca
                       : fault.file == File::key     ? pair.key
                                                     : pair.certificate;
    return path + ' ' + fault.reason;
}

}  // namespace

Certificates::Certificates(const config::Config& config)
    : listeners_(config.listen.size()),
      connects_(std::ranges::any_of(config.listen, [](const auto& l) { return l.transport == base::Transport::tls; })),
      ca_(config.tls_ca) {
    for (std::size_t i = 0; i < listeners_; ++i)
        if (base::is_secure(config.listen[i].transport)) watched_.push_back({i, config.listen[i].tls, {}});
}

Certificates::All Certificates::load() {
    std::lock_guard lock(mutex_);
    All all;
    all.listeners.resize(listeners_);
    loaded_ = seen_ = stamp();
    for (auto& watched : watched_) {
        auto loaded = net::load_tls(watched.files);
        if (!loaded.server) throw std::runtime_error(text_of(watched.files, loaded.faults.front()));
        for (const auto& warning : loaded.faults) log_line(Level::warning, text_of(watched.files, warning));
        all.listeners[watched.listener] = std::move(loaded.server);
        watched.certificates = std::move(loaded.certificates);
    }
    if (!connects_) return all;
    auto loaded = net::load_tls_client(ca_);
    if (!loaded.client) throw std::runtime_error(ca_ + ' ' + loaded.fault);
    all.client = std::move(loaded.client);
    return all;
}

std::vector<std::string> Certificates::reload(net::Workers& workers) {
    std::lock_guard lock(mutex_);
    std::vector<std::string> faults;
    if (watched_.empty()) return faults;
    loaded_ = seen_ = stamp();
    for (auto& watched : watched_) {
        auto loaded = net::load_tls(watched.files);
        for (const auto& fault : loaded.faults) {
            const auto text = text_of(watched.files, fault);
            if (fault.is_warning)
                log_line(Level::warning, "certificates reason=\"" + text + '"');
            else
                faults.push_back(text);
        }
        if (!loaded.server) continue;
        workers.set_tls(watched.listener, std::move(loaded.server));
        watched.certificates = std::move(loaded.certificates);
    }
    if (connects_) {
        auto loaded = net::load_tls_client(ca_);
        if (loaded.client)
            workers.set_tls_client(std::move(loaded.client));
        else
            faults.push_back(ca_ + ' ' + loaded.fault);
    }
    for (const auto& fault : faults) log_line(Level::error, "certificates result=kept reason=\"" + fault + '"');
    if (faults.empty()) log_line(Level::info, "certificates result=reloaded");
    return faults;
}

void Certificates::watch(net::Workers& workers) {
    {
        std::lock_guard lock(mutex_);
        auto now = stamp();
        const bool is_settled = now == seen_;
        seen_ = std::move(now);
        if (!is_settled || seen_ == loaded_) return;
    }
    reload(workers);
}

std::vector<Certificates::Shown> Certificates::shown() const {
    std::lock_guard lock(mutex_);
    std::vector<Shown> all;
    for (const auto& watched : watched_)
        for (const auto& info : watched.certificates) all.push_back({watched.listener, info});
    return all;
}

std::string Certificates::stamp() const {
    std::string out;
    if (!ca_.empty()) append_stamp(out, ca_);
    for (const auto& watched : watched_) {
        for (const auto& pair : watched.files.certificates) {
            append_stamp(out, pair.certificate);
            append_stamp(out, pair.key);
        }
        if (!watched.files.client_ca.empty()) append_stamp(out, watched.files.client_ca);
    }
    return out;
}

}  // namespace muster::daemon
