// The rival of --peer: Debian's packages kamailio and kamailio-sqlite-modules, configured by bench/peer/kamailio.cfg.

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <string_view>

#include "drive.hpp"
#include "md5.hpp"
#include "server.hpp"

namespace muster::bench {
namespace {

constexpr auto tables = "/usr/share/kamailio/db_sqlite";

bool is_in_path(std::string_view program) {
    std::string_view path = std::getenv("PATH") ? std::getenv("PATH") : "";
    while (!path.empty()) {
        const auto end = std::min(path.find(':'), path.size());
        if (fs::exists(fs::path(path.substr(0, end)) / program)) return true;
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    return fs::exists(fs::path("/usr/sbin") / program);
}

class Kamailio final : public Server {
public:
    Kamailio(const ServerOptions& options, fs::path config, bool write_through)
        : Server(options), config_(std::move(config)), write_through_(write_through) {}

    std::string name() const override { return write_through_ ? "kamailio, write-through" : "kamailio, memory only"; }
    bool is_durable() const override { return write_through_; }

    void provision() override {
        fs::create_directory(accounts());
        const auto script = folder() / "accounts.sql";
        {
            std::ofstream sql(script);
            sql << "PRAGMA journal_mode=WAL;\nBEGIN;\n";
            for (const auto* part : {"standard", "usrloc", "auth_db"})
                sql << std::ifstream(fmt::format("{}/{}-create.sql", tables, part)).rdbuf();
            Md5 md5;
            for (std::uint32_t i = 0; i < options().users; ++i) {
                const auto ha1 = md5.hex({user_name(i), domain, password(i)});
                sql << fmt::format("INSERT INTO subscriber(username,domain,ha1) VALUES('{}','{}','{}');\n",
                                   user_name(i), domain, text(ha1));
            }
            sql << "COMMIT;\n";
        }
        run_program({"sqlite3", (accounts() / "kamailio.db").string()}, script);
        fs::remove(script);
    }

protected:
    std::vector<std::string> command() const override {
        const auto database = (data() / "kamailio.db").string();
        std::vector<std::string> words{
            "kamailio", "-DD", "-E", "-f", config_.string(), "-Y", folder().string(), "-m", "4096", "-M", "64",
            "-x",       "fm",  "-X", "fm"};
        const unsigned processes = 4 * options().workers;
        for (const auto& define :
             {fmt::format("PORT={}", port()), fmt::format("DB_MODE={}", write_through_ ? 1 : 0),
              fmt::format("PROCESSES={}", processes), fmt::format("DATABASE=\"sqlite:///{}\"", database),
              fmt::format("SQL_CONNECTION=\"accounts=>sqlite:///{}\"", database),
              fmt::format("WAL_OF=\"{}=WAL\"", database)})
            words.insert(words.end(), {"-A", define});
        return words;
    }

private:
    fs::path config_;
    bool write_through_;
};

}  // namespace

bool kamailio_is_installed() {
    return is_in_path("kamailio") && is_in_path("sqlite3") && fs::exists(fs::path(tables) / "usrloc-create.sql");
}

std::unique_ptr<Server> make_kamailio(const ServerOptions& options, const fs::path& config, bool write_through) {
    return std::make_unique<Kamailio>(options, config, write_through);
}

}  // namespace muster::bench
