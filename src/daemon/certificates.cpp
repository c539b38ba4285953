#include "certificates.hpp"

#include <sys/stat.h>

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

Certificates::Certificates(const std::vector<config::Listen>& listen) : listeners_(listen.size()) {
    for (std::size_t i = 0; i < listen.size(); ++i)
        if (base::is_secure(listen[i].transport)) watched_.push_back({i, listen[i].tls, {}});
}

std::vector<net::TlsServerPtr> Certificates::load() {
    std::lock_guard lock(mutex_);
    std::vector<net::TlsServerPtr> all(listeners_);
    loaded_ = seen_ = stamp();
    for (auto& watched : watched_) {
        auto loaded = net::load_tls(watched.files);
        if (!loaded.server) throw std::runtime_error(text_of(watched.files, loaded.faults.front()));
        for (const auto& warning : loaded.faults) log_line(Level::warning, text_of(watched.files, warning));
        all[watched.listener] = std::move(loaded.server);
        watched.certificates = std::move(loaded.certificates);
    }
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
            log_line(fault.is_warning ? Level::warning : Level::error,
                     (fault.is_warning ? "certificates reason=\"" : "certificates result=kept reason=\"") + text + '"');
            if (!fault.is_warning) faults.push_back(text);
        }
        if (!loaded.server) continue;
        workers.set_tls(watched.listener, std::move(loaded.server));
        watched.certificates = std::move(loaded.certificates);
    }
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
