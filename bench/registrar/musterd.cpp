// musterd as it is shipped: every 200 on disk, log at info level, change log on.

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "drive.hpp"
#include "server.hpp"

namespace muster::bench {
namespace {

class Musterd final : public Server {
public:
    Musterd(const ServerOptions& options, fs::path programs) : Server(options), programs_(std::move(programs)) {
        for (const auto* program : {"musterd", "musterctl"})
            if (!fs::exists(programs_ / program))
                throw std::runtime_error((programs_ / program).string() + " is not there: ./dev build");
    }

    std::string name() const override { return "muster"; }
    bool is_durable() const override { return true; }
    /// As in location::LogLimits: a million, or four times the bindings.
    std::uint64_t log_limit() const override { return std::max<std::uint64_t>(1'000'000, 4ull * options().users); }

    void provision() override {
        run_program({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                     "-days", "2", "-subj", "/CN=localhost", "-addext",
                     fmt::format("subjectAltName=IP:{}", phones_address), "-keyout", key().string(), "-out",
                     certificate().string(), "-batch"});
        configure(LookUp::redirect);
        fs::create_directory(data());
        const auto list = folder() / "accounts.csv";
        {
            std::ofstream lines(list);
            for (std::uint32_t i = 0; i < options().users; ++i)
                lines << user_name(i) << '@' << domain << ',' << password(i) << '\n';
        }
        start();
        wait_until_it_answers();
        control({"accounts", "import", list.string()});
        stop();
        fs::remove(list);
        fs::rename(data(), accounts());
    }

    void look_up_by(LookUp how) override {
        configure(how);
        control({"config", "reload"});
    }

    using Server::port;
    std::uint16_t port(const Way& way) const override {
        for (const auto& [other, port] : ports_)
            if (way.name == other.name) return port;
        return port();
    }

protected:
    std::vector<std::string> command() const override {
        return {(programs_ / "musterd").string(), "--config", (folder() / "muster.yaml").string()};
    }

private:
    void configure(LookUp how) const {
        std::string streams;
        for (const auto& [way, port] : ports_)
            streams += fmt::format("  - {}: {}:{}\n{}", way.name, phones_address, port,
                                   way.name == ws.name ? std::string()
                                                       : fmt::format("    certificate: \"{}\"\n    key: \"{}\"\n",
                                                                     certificate().string(), key().string()));
        std::ofstream file(folder() / "muster.yaml");
        file << fmt::format(
            "listen:\n  - udp: {0}:{1}\n  - tcp: {0}:{1}\n{8}store: \"sqlite:{2}\"\n"
            "limits: {{connections: 100000, connections_of_source: 100000}}\n"
            "domains:\n  {3}:\n    auth: {{algorithms: [MD5], nonce_life: 1h}}\n    lookup: {4}\n    inbound: anyone\n"
            "    trusted: [{5}]\nadmin: {{socket: \"{6}\"}}\nworkers: {7}\n",
            phones_address, port(), (data() / "muster.db").string(), domain,
            how == LookUp::redirect ? "redirect" : "proxy", caller_address, socket().string(), options().workers,
            streams);
    }
    fs::path socket() const { return folder() / "socket"; }
    fs::path certificate() const { return folder() / "certificate.pem"; }
    fs::path key() const { return folder() / "key.pem"; }
    void control(std::vector<std::string> words) const {
        words.insert(words.begin(), {(programs_ / "musterctl").string(), "--socket", socket().string()});
        run_program(words);
    }

    fs::path programs_;
    const std::vector<std::pair<Way, std::uint16_t>> ports_{{tls, free_port()}, {ws, free_port()}, {wss, free_port()}};
};

}  // namespace

std::unique_ptr<Server> make_musterd(const ServerOptions& options, const fs::path& programs) {
    return std::make_unique<Musterd>(options, programs);
}

}  // namespace muster::bench
