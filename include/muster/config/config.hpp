#pragma once
// The YAML file: read whole, checked whole, every fault with its place.

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "muster/base/flow.hpp"
#include "muster/base/now.hpp"
#include "muster/base/tls_files.hpp"
#include "muster/core/settings.hpp"

namespace muster::config {

struct Listen {
    base::Transport transport = base::Transport::udp;
    base::Address address;
    /// Name or address put in Via, Record-Route and Path, IPv6 in brackets; empty: the address itself.
    std::string advertise;
    base::TlsFiles tls;  ///< absolute paths; TLS and WSS only
    // WS and WSS only.
    std::string path = "/";
    std::vector<std::string> origins;  ///< empty: any
    base::Milliseconds ping{30'000};

    bool operator==(const Listen&) const = default;
};

/// Sizes of what is made at the start.
struct TableLimits {
    std::size_t connections = 10'000, connections_of_source = 1'000;
    std::size_t connection_output = 65'536;    ///< bytes, of one connection
    std::size_t connection_bytes = 32 << 20;   ///< of all
    std::size_t transactions = 100'000;        ///< completed ones, of all workers
    std::size_t transaction_bytes = 64 << 20;  ///< of one worker
    std::size_t nonces = 1'000'000;
    std::size_t senders = 262'144;
    std::size_t phones = 262'144;
    std::size_t log_rows = 1'000'000;
    std::size_t explained = 1'000;

    bool operator==(const TableLimits&) const = default;

    struct Key {
        std::string_view name;  ///< in `limits`
        std::size_t TableLimits::*value;
    };
    static const std::array<Key, 11> keys;
};
inline constexpr std::array<TableLimits::Key, 11> TableLimits::keys{{
    {"connections", &TableLimits::connections},
    {"connections_of_source", &TableLimits::connections_of_source},
    {"connection_output", &TableLimits::connection_output},
    {"connection_bytes", &TableLimits::connection_bytes},
    {"transactions", &TableLimits::transactions},
    {"transaction_bytes", &TableLimits::transaction_bytes},
    {"nonces", &TableLimits::nonces},
    {"senders", &TableLimits::senders},
    {"phones", &TableLimits::phones},
    {"log_rows", &TableLimits::log_rows},
    {"explained", &TableLimits::explained},
}};
static_assert(sizeof(TableLimits) == TableLimits::keys.size() * sizeof(std::size_t));

/// Where all messages go as HEPv3.
struct Capture {
    std::optional<base::Address> hep{};  ///< empty: nowhere
    std::uint32_t id = 2001;
    bool shows_credentials = false;

    bool operator==(const Capture&) const = default;
};

/// Where the values of a file stand in it.
struct Places {
    struct Value {
        std::string text;  ///< as written, a list in one line
        int line = 0;      ///< from 1
    };
    std::string file;
    std::map<std::string, Value, std::less<>> values;  ///< by key: "domains.example.com.contacts.limit"
};

/// What a key is set to.
struct Setting {
    std::string key, value;
    int line = 0;  ///< 0: it is not written, and `value` is the default
};
/// `key` as "limits.queue", or "domains.*.contacts.limit", which means that of `domain`; it must be in the table.
Setting setting_of(const Places& places, std::string_view key, std::string_view domain);
/// A URL of HTTP in the parts that a request needs.
struct WebUrl {
    bool secure = true;
    std::string host;  ///< IPv6 without brackets
    std::string port;
    std::string authority;  ///< for the Host header
    std::string target;     ///< path and query

    bool operator==(const WebUrl&) const = default;
};

/// Who is told of changes.
struct Webhook {
    std::string url;
    WebUrl to;
    std::string secret;
    std::vector<std::string> events, domains;  ///< empty: all

    bool operator==(const Webhook&) const = default;
};

struct Config {
    std::vector<Listen> listen;
    std::string store = "sqlite:/var/lib/muster/muster.db";  ///< "sqlite:PATH" (PATH made absolute) or "memory:"
    std::string admin_socket = "/run/muster/musterd.sock";
    std::optional<base::Address> admin_http;
    base::CertificateFiles admin_tls;      ///< of admin_http; absolute paths, empty: no TLS
    std::string admin_token_file;          ///< absolute path; empty: none
    std::string admin_token;               ///< what it holds
    std::vector<std::string> admin_hosts;  ///< names that requests may know admin_http by
    unsigned workers = 0;                  ///< 0: one a core
    std::string tls_ca;                    ///< absolute path; empty: those that the system trusts
    std::string dns_servers;               ///< "127.0.0.1:5353,192.0.2.53"; empty: those of the system
    std::string log_level = "info";
    Capture capture;
    std::vector<Webhook> webhooks;
    core::Settings settings;
    TableLimits tables;
    Places places;
};

struct Fault {
    std::string file;
    int line = 0;  ///< from 1; 0 when the fault has no place
    int column = 0;
    std::string message;
    /// "muster.yaml:6:5: unknown key "colour" in domains.example.com; did you mean ...?"
    std::string text() const;
};

struct Loaded {
    std::optional<Config> config;  ///< only when there is no fault
    std::vector<Fault> faults;     ///< all of one run
    std::vector<Fault> warnings;   ///< what is allowed, and hardly meant
};

/// Looks into the files for TLS.
struct CheckTls {
    std::function<std::vector<base::TlsFault>(const base::TlsFiles&)> listener{};
    std::function<std::string(const std::string& path)> ca{};  ///< what is wrong with a list of certificates
};

/// Without `check_tls` such files must only be readable.
Loaded load_file(const std::string& path, const CheckTls& check_tls = {});
/// `file` names the text in faults, and relative paths in it are relative to its folder.
Loaded load_text(std::string_view text, const std::string& file, const CheckTls& check_tls = {});

/// JSON Schema of the file, made from the same table as the loader. config/muster.schema.json is its copy.
std::string schema();

/// "30s", "5m", "1h", "7d", "250ms", and sums such as "1h30m".
std::optional<base::Milliseconds> parse_duration(std::string_view text);

/// A bearer token: the one line of a file that others than its owner and group cannot read.
struct Token {
    std::string text;
    std::string fault{};  ///< then there is no token
};
Token read_token(const std::string& file);

/// Keys whose values differ and that a running daemon cannot change: of listen, store, workers, tls.ca,
/// dns.servers, admin.socket, admin.http.
std::vector<std::string> needs_restart(const Config& running, const Config& wanted);

}  // namespace muster::config
