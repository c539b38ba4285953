#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "muster/config/config.hpp"
#include "muster/config/reference.hpp"

namespace muster::config {
namespace {

using namespace std::chrono_literals;

std::string slurp(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

/// The configuration, which must be without fault.
Config good(std::string_view text, const std::string& file = "/etc/muster/muster.yaml") {
    auto loaded = load_text(text, file);
    for (const auto& fault : loaded.faults) ADD_FAILURE() << fault.text();
    return loaded.config.value_or(Config{});
}

const core::Domain& domain(const Config& config, std::string_view name) {
    const auto* found = config.settings.find(name);
    static const core::Domain none;
    EXPECT_NE(found, nullptr) << name;
    return found ? *found : none;
}

std::vector<std::string> listeners(const Config& config) {
    std::vector<std::string> all;
    for (const auto& listen : config.listen)
        all.push_back(std::string(base::lower_name(listen.transport)) + ' ' + listen.address.text());
    return all;
}

TEST(Load, DefaultsAreThoseOfTheContract) {
    auto config = good("domains: {example.com: {}}");
    EXPECT_EQ(listeners(config),
              (std::vector<std::string>{"udp 0.0.0.0:5060", "udp [::]:5060", "tcp 0.0.0.0:5060", "tcp [::]:5060"}));
    EXPECT_EQ(config.store, "sqlite:/var/lib/muster/muster.db");
    EXPECT_EQ(config.admin_socket, "/run/muster/musterd.sock");
    EXPECT_FALSE(config.admin_http);
    EXPECT_EQ(config.workers, 0u);
    EXPECT_EQ(config.dns_servers, "") << "those of the system";
    EXPECT_EQ(config.capture, Capture{});
    EXPECT_EQ(config.log_level, "info");
    EXPECT_EQ(config.settings.limits.message_bytes, 65'535u);
    EXPECT_EQ(config.settings.limits.headers, 128u);
    EXPECT_EQ(config.settings.limits.contacts, 64u);
    // The defaults of the table are those of the structures.
    const core::AdmissionLimits admission;
    EXPECT_EQ(config.settings.admission.guesses.burst, admission.guesses.burst);
    EXPECT_EQ(config.settings.admission.guesses_of_source.burst, admission.guesses_of_source.burst);
    EXPECT_EQ(config.settings.admission.answers.burst, admission.answers.burst);
    EXPECT_EQ(config.settings.admission.queue, admission.queue);
    EXPECT_EQ(config.settings.admission.queue_bytes, admission.queue_bytes);
    EXPECT_EQ(config.tables, TableLimits{});
    const auto& example = domain(config, "example.com");
    EXPECT_EQ(example.policy.domain, "example.com");
    EXPECT_EQ(example.policy.min_expires, 60u);
    EXPECT_EQ(example.policy.default_expires, 3600u);
    EXPECT_EQ(example.policy.max_expires, 7200u);
    EXPECT_EQ(example.policy.contact_limit, 10u);
    EXPECT_EQ(example.policy.when_full, registrar::WhenFull::replace_dead);
    EXPECT_EQ(example.policy.flow_lost, registrar::FlowLost::drop);
    EXPECT_EQ(example.nat_ping, 30s);
    EXPECT_EQ(example.digest.realm, "example.com");
    EXPECT_EQ(example.digest.algorithms, std::vector{auth::Algorithm::md5});
    EXPECT_EQ(example.digest.nonce_life, 5min);
    EXPECT_EQ(example.lookup, core::Lookup::proxy);
    EXPECT_EQ(example.inbound, core::Inbound::anyone);
    EXPECT_EQ(example.ring_time, 60s);
    EXPECT_EQ(example.policy.path, registrar::PathRule::lazy);
    EXPECT_EQ(example.policy.outbound, registrar::Outbound::on);
    EXPECT_EQ(example.policy.flow_timer, 0u);
    EXPECT_TRUE(example.policy.gruu);
    EXPECT_EQ(example.policy.service_route, "");
}

TEST(Load, EveryKeyIsRead) {
    auto config = good(R"(
listen:
  - udp: 127.0.0.1:5070
    advertise: SIP.Example.com
  - tcp: "[::1]:5070"
  - ws: 127.0.0.1:8080
store: sqlite:data/muster.db
domains:
  Example.COM:
    aliases: [sip.example.com, 192.0.2.7, "[2001:db8::1]"]
    expires: {min: 5s, default: 10m, max: 1h30m}
    contacts: {limit: 3, when_full: single}
    flow_lost: hold
    nat_ping: 0
    auth: {algorithms: [SHA-512-256, MD5, SHA-256], nonce_life: 10s}
    lookup: redirect
    ring_time: 10s
    trusted: [192.0.2.0/24, 2001:db8::1]
    path: strict
    outbound: required
    flow_timer: 10m
    gruu: off
    service_route: ["sip:a.example;lr", "sips:b.example;lr;transport=ws"]
  example.org:
admin: {socket: run/musterd.sock, http: 127.0.0.1:9460}
workers: 3
dns: {servers: ["127.0.0.1:5353", 192.0.2.53, "[2001:db8::53]:53"]}
capture: {hep: "[2001:db8::9]:9060", id: 7, credentials: plain}
log: {level: debug}
limits: {message_bytes: 2048, headers: 32, contacts: 5, guesses: 3, guesses_of_source: 4, answers_to_prefix: 6,
  queue: 700, queue_bytes: 1000008, connections: 9, connections_of_source: 10, connection_output: 4097,
  connection_bytes: 1000012, transactions: 1013, transaction_bytes: 1000014, nonces: 1015, senders: 1036, phones: 1037,
  log_rows: 1017, explained: 18}
)");
    EXPECT_EQ(listeners(config),
              (std::vector<std::string>{"udp 127.0.0.1:5070", "tcp [::1]:5070", "ws 127.0.0.1:8080"}));
    EXPECT_EQ(config.listen[0].advertise, "sip.example.com");
    EXPECT_EQ(config.store, "sqlite:/etc/muster/data/muster.db");
    EXPECT_EQ(config.admin_socket, "/etc/muster/run/musterd.sock");
    EXPECT_EQ(config.admin_http, base::Address::parse("127.0.0.1:9460"));
    EXPECT_EQ(config.workers, 3u);
    EXPECT_EQ(config.dns_servers, "127.0.0.1:5353,192.0.2.53,[2001:db8::53]:53");
    EXPECT_EQ(config.capture, (Capture{base::Address::parse("[2001:db8::9]:9060"), 7, true}));
    EXPECT_EQ(config.log_level, "debug");
    EXPECT_EQ(config.settings.limits.message_bytes, 2048u);
    EXPECT_EQ(config.settings.limits.headers, 32u);
    EXPECT_EQ(config.settings.limits.contacts, 5u);
    const auto& admission = config.settings.admission;
    EXPECT_EQ(admission.guesses.burst, 3u);
    EXPECT_EQ(admission.guesses_of_source.burst, 4u);
    EXPECT_EQ(admission.answers.burst, 6u);
    EXPECT_EQ(admission.queue, 700u);
    EXPECT_EQ(admission.queue_bytes, 1'000'008u);
    EXPECT_EQ(config.tables, (TableLimits{9, 10, 4'097, 1'000'012, 1'013, 1'000'014, 1'015, 1'036, 1'037, 1'017, 18}));
    const auto& example = domain(config, "example.com");
    EXPECT_EQ(example.policy.min_expires, 5u);
    EXPECT_EQ(example.policy.default_expires, 600u);
    EXPECT_EQ(example.policy.max_expires, 5400u);
    EXPECT_EQ(example.policy.contact_limit, 3u);
    EXPECT_EQ(example.policy.when_full, registrar::WhenFull::single);
    EXPECT_EQ(example.policy.flow_lost, registrar::FlowLost::hold);
    EXPECT_EQ(example.nat_ping, 0s);
    EXPECT_EQ(example.digest.realm, "example.com");
    EXPECT_EQ(example.digest.algorithms,
              (std::vector{auth::Algorithm::sha512_256, auth::Algorithm::md5, auth::Algorithm::sha256}));
    EXPECT_EQ(example.digest.nonce_life, 10s);
    EXPECT_EQ(example.lookup, core::Lookup::redirect);
    EXPECT_EQ(example.inbound, core::Inbound::trusted) << "the default with redirect";
    EXPECT_EQ(example.ring_time, 10s);
    EXPECT_EQ(example.policy.path, registrar::PathRule::strict);
    EXPECT_EQ(example.policy.outbound, registrar::Outbound::required);
    EXPECT_EQ(example.policy.flow_timer, 600u);
    EXPECT_FALSE(example.policy.gruu);
    EXPECT_EQ(example.policy.service_route, "<sip:a.example;lr>, <sips:b.example;lr;transport=ws>");
    EXPECT_TRUE(example.policy.trusts(base::Address::v4(192, 0, 2, 200, 5060)));
    EXPECT_FALSE(example.policy.trusts(base::Address::v4(192, 0, 3, 1, 5060)));
    EXPECT_EQ(domain(config, "example.org").lookup, core::Lookup::proxy);
}

TEST(Load, ServedDomainsKnowNamesAliasesAndListeners) {
    auto served = good(R"(
listen: [{udp: "127.0.0.1:5070", advertise: 203.0.113.9}]
domains:
  example.com: {aliases: [SIP.example.com., 192.0.2.7, "2001:db8::1"]}
  example.org: {}
)")
                      .settings.served;
    EXPECT_EQ(served.domain_of("EXAMPLE.com"), "example.com");
    EXPECT_EQ(served.domain_of("sip.example.com"), "example.com");
    EXPECT_EQ(served.domain_of("192.0.2.7"), "example.com");
    EXPECT_EQ(served.domain_of("[2001:db8::1]"), "example.com");
    EXPECT_EQ(served.domain_of("example.org"), "example.org");
    EXPECT_EQ(served.domain_of("example.net"), std::nullopt);
    EXPECT_TRUE(served.is_listen_address("127.0.0.1"));
    EXPECT_TRUE(served.is_listen_address("203.0.113.9")) << "what is advertised is ours";
    EXPECT_TRUE(served.is_our_port(5070));
}

TEST(Load, AnUnwrittenDefaultLifetimeFollowsTheOthers) {
    auto config = good("domains: {a.example: {expires: {max: 30m}}, b.example: {expires: {min: 90m}}}");
    EXPECT_EQ(domain(config, "a.example").policy.default_expires, 1800u);
    EXPECT_EQ(domain(config, "b.example").policy.default_expires, 5400u);
}

TEST(Load, AnExplicitInboundStaysWithRedirect) {
    auto config = good("domains: {example.com: {lookup: redirect, inbound: anyone}}");
    EXPECT_EQ(domain(config, "example.com").inbound, core::Inbound::anyone);
}

TEST(Load, MemoryStoreInEitherSpelling) {
    EXPECT_EQ(good("{store: memory, domains: {example.com: {}}}").store, "memory:");
    EXPECT_EQ(good("{store: 'memory:', domains: {example.com: {}}}").store, "memory:");
}

TEST(Load, WebSockets) {
    auto config = good(R"(
listen:
  - ws: 127.0.0.1:8080
  - ws: 127.0.0.1:8081
    path: /sip
    origins: ["https://phone.example.com", "http://localhost:3000"]
    ping: 1m
domains: {example.com: {}})");
    EXPECT_EQ(config.listen[0].path, "/");
    EXPECT_TRUE(config.listen[0].origins.empty());
    EXPECT_EQ(config.listen[0].ping, 30s);
    EXPECT_EQ(config.listen[1].path, "/sip");
    EXPECT_EQ(config.listen[1].origins,
              (std::vector<std::string>{"https://phone.example.com", "http://localhost:3000"}));
    EXPECT_EQ(config.listen[1].ping, 60s);
}

TEST(Load, CertificatesAreRelativeToTheFile) {
    auto folder = std::filesystem::temp_directory_path() / ("muster-config-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "a.pem") << "certificate\n";
    std::ofstream(folder / "muster.yaml") << "listen: [{tls: '127.0.0.1:5061', certificate: a.pem, key: a.pem}]\n"
                                             "domains: {example.com: {}}\n";
    const auto path = (folder / "muster.yaml").string(), file = (folder / "a.pem").string();
    auto loaded = load_file(path);
    ASSERT_TRUE(loaded.config) << loaded.faults.at(0).text();
    EXPECT_EQ(loaded.config->listen[0].tls, (base::TlsFiles{{{file, file}}, base::ClientCertificate::off, ""}));

    std::ofstream(path) << "domains: {example.com: {}}\n"
                           "listen:\n"
                           "  - tls: '127.0.0.1:5061'\n"
                           "    certificate: a.pem\n"
                           "    key: a.pem\n"
                           "    certificates:\n"
                           "      - {certificate: a.pem, key: a.pem}\n"
                           "    client_certificate: optional\n"
                           "    client_ca: a.pem\n";
    using File = base::TlsFault::File;
    base::TlsFiles seen;
    CheckTls check_tls;
    check_tls.listener = [&](const base::TlsFiles& files) -> std::vector<base::TlsFault> {
        seen = files;
        return {{File::certificate, 0, "has ended", true}};
    };
    loaded = load_file(path, check_tls);
    ASSERT_TRUE(loaded.config) << loaded.faults.at(0).text();
    EXPECT_EQ(seen, (base::TlsFiles{{{file, file}, {file, file}}, base::ClientCertificate::optional, file}));
    EXPECT_EQ(loaded.config->listen[0].tls, seen);
    ASSERT_EQ(loaded.warnings.size(), 1u);
    EXPECT_EQ(loaded.warnings[0].text(), path + ":4:18: listen[0].certificate: a.pem has ended");

    check_tls.listener = [&](const base::TlsFiles&) -> std::vector<base::TlsFault> {
        return {{File::key, 1, "is none", false}, {File::client_ca, 0, "is none", false}};
    };
    loaded = load_file(path, check_tls);
    EXPECT_FALSE(loaded.config);
    ASSERT_EQ(loaded.faults.size(), 2u);
    EXPECT_EQ(loaded.faults[0].text(), path + ":7:35: listen[0].certificates[0].key: a.pem is none");
    EXPECT_EQ(loaded.faults[1].text(), path + ":9:16: listen[0].client_ca: a.pem is none");

    std::ofstream(path) << "listen: [{tls: '127.0.0.1:5061', certificate: a.pem, key: a.pem}]\n"
                           "domains: {example.com: {}}\n"
                           "tls: {ca: a.pem}\n";
    EXPECT_EQ(load_file(path).config.value().tls_ca, file);
    check_tls = {};
    check_tls.ca = [&](const std::string& ca) { return ca == file ? "is none" : ""; };
    loaded = load_file(path, check_tls);
    ASSERT_EQ(loaded.faults.size(), 1u);
    EXPECT_EQ(loaded.faults[0].text(), path + ":3:11: tls.ca: a.pem is none");
    std::ofstream(path) << "domains: {example.com: {}}\n"
                           "tls: {ca: a.pem}\n";
    loaded = load_file(path);
    ASSERT_EQ(loaded.faults.size(), 1u);
    EXPECT_EQ(
        loaded.faults[0].text(),
        path + ":2:11: tls.ca has no use; expected a tls listener or a webhook, from which TLS connections leave");
    std::filesystem::remove_all(folder);
}

TEST(Load, Webhooks) {
    const auto folder = std::filesystem::temp_directory_path() / ("muster-webhooks-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "long") << "0123456789abcdef\nthe second line is not part of it\n";
    std::ofstream(folder / "short") << "0123456789abcde\n";
    const auto file = (folder / "muster.yaml").string();
    auto loaded = load_text(
        "domains: {example.com: {}}\n"
        "webhooks:\n"
        "  - {url: 'https://[2001:db8::1]:8443/a/b?c=d', secret_file: long, events: [expired]}\n"
        "  - {url: 'http://127.0.0.1', secret_file: long, domains: [Example.COM]}\n",
        file);
    for (const auto& fault : loaded.faults) ADD_FAILURE() << fault.text();
    ASSERT_TRUE(loaded.config);
    const auto& hooks = loaded.config->webhooks;
    ASSERT_EQ(hooks.size(), 2u);
    EXPECT_EQ(hooks[0].secret, "0123456789abcdef");
    EXPECT_EQ(hooks[0].to, (WebUrl{true, "2001:db8::1", "8443", "[2001:db8::1]:8443", "/a/b?c=d"}));
    EXPECT_EQ(hooks[0].events, std::vector<std::string>{"expired"});
    EXPECT_EQ(hooks[1].to, (WebUrl{false, "127.0.0.1", "80", "127.0.0.1", "/"}));
    EXPECT_EQ(hooks[1].domains, std::vector<std::string>{"example.com"});

    loaded = load_text(
        "domains: {example.com: {}}\n"
        "store: memory\n"
        "webhooks:\n"
        "  - {url: 'https://a.example/', secret_file: short}\n"
        "  - {url: 'https://a.example/', secret_file: long}\n"
        "  - {secret_file: long}\n",
        file);
    std::vector<std::string> faults;
    for (const auto& fault : loaded.faults) faults.push_back(fault.message);
    EXPECT_EQ(faults,
              (std::vector<std::string>{
                  "webhooks has no use with store: memory; expected it with sqlite:PATH only",
                  "webhooks[0].secret_file: the first line is too short; expected a secret of 16 bytes at least",
                  "webhooks[1].url stands twice; expected each receiver once",
                  "webhooks[2].url is missing; expected it in each webhook"}));
    std::filesystem::remove_all(folder);
}

TEST(Load, WhatIsNoUrlOfAReceiverIsRefused) {
    for (const char* url :
         {"http://127.0.0.1.evil.example:71/", "http://127.0.0.1x/", "https://h%00x/", "https://192.0.2.1.example/#x",
          "http://example.com/", "http://192.0.2.1/", "https://", "https:///x", "ftp://127.0.0.1/",
          "https://user@example.com/", "https://example.com/#x", "example.com", "/hook", "https://example.com:0/",
          "https://example.com:99999/", "https://exa mple/"}) {
        const auto loaded = load_text(
            "domains: {example.com: {}}\nwebhooks: [{secret_file: x, url: '" + std::string(url) + "'}]\n", "f");
        EXPECT_TRUE(std::ranges::any_of(loaded.faults, [](const Fault& fault) {
            return fault.message.find("is not valid for webhooks[0].url") != std::string::npos;
        })) << url;
    }
}

TEST(Load, TheShippedFileHasNoFaultAndNamesEveryKey) {
    const std::string path = MUSTER_SOURCE_DIR "/config/muster.yaml";
    auto loaded = load_file(path);
    for (const auto& fault : loaded.faults) ADD_FAILURE() << fault.text();
    ASSERT_TRUE(loaded.config);
    auto sample = slurp(path);
    for (auto key :
         {"listen",      "udp",         "tcp",           "tls",        "ws",        "wss",           "advertise",
          "certificate", "key",         "store",         "domains",    "aliases",   "expires",       "min",
          "default",     "max",         "contacts",      "limit",      "when_full", "auth",          "algorithms",
          "nonce_life",  "lookup",      "ring_time",     "inbound",    "trusted",   "path",          "outbound",
          "flow_timer",  "gruu",        "service_route", "admin",      "socket",    "http",          "workers",
          "dns",         "servers",     "log",           "level",      "limits",    "message_bytes", "headers",
          "flow_lost",   "nat_ping",    "capture",       "hep",        "id",        "credentials",   "webhooks",
          "url",         "secret_file", "events",        "token_file", "hosts"})
        EXPECT_NE(sample.find(std::string(key) + ':'), std::string::npos) << key;
}

TEST(Load, ATokenIsOneLineThatOthersCannotRead) {
    const auto folder = std::filesystem::temp_directory_path() / ("muster-token-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
    const auto path = (folder / "muster.yaml").string(), file = (folder / "token").string();
    auto load = [&](const std::string& content, std::filesystem::perms mode) {
        std::ofstream(path) << "domains: {example.com: {}}\nadmin: {http: '127.0.0.1:9460', token_file: token}\n";
        std::ofstream(file, std::ios::binary) << content;
        std::filesystem::permissions(file, mode);
        return load_file(path);
    };
    using Mode = std::filesystem::perms;
    const auto own = Mode::owner_read | Mode::owner_write;
    for (auto content : {"0123456789abcdef", "0123456789abcdef\n", "0123456789abcdef\r\n"}) {
        auto loaded = load(content, own | Mode::group_read);
        ASSERT_TRUE(loaded.config) << loaded.faults.at(0).text();
        EXPECT_EQ(loaded.config->admin_token, "0123456789abcdef");
    }
    auto open = load("0123456789abcdef\n", own | Mode::others_read);
    ASSERT_EQ(open.faults.size(), 1u);
    EXPECT_EQ(open.faults[0].text(), path +
                                         ":2:45: admin.token_file: token is open to everybody; expected a mode such "
                                         "as 0640");
    for (std::string content : {"", "\n", "short\n", "0123456789abcdef 1\n", "0123456789abcdef\nmore\n"}) {
        auto loaded = load(content, own);
        ASSERT_EQ(loaded.faults.size(), 1u) << content;
        EXPECT_NE(loaded.faults[0].text().find("token holds no token"), std::string::npos);
    }
    load(std::string(513, 'x'), own);
    EXPECT_FALSE(read_token(file).fault.empty());
    EXPECT_FALSE(read_token("/no/such").fault.empty());
    std::filesystem::remove_all(folder);
}

TEST(Load, TheSchemaOnDiskIsTheOneOfTheTable) {
    EXPECT_EQ(slurp(MUSTER_SOURCE_DIR "/config/muster.schema.json"), schema())
        << "write schema() to config/muster.schema.json (musterctl config schema > config/muster.schema.json)";
}

TEST(Load, TheReferenceOnDiskIsTheOneOfTheTable) {
    EXPECT_EQ(slurp(MUSTER_SOURCE_DIR "/docs/config-reference.md"), reference_page())
        << "musterctl config reference > docs/config-reference.md";
}

TEST(Load, FilesThatCannotBeRead) {
    auto absent = load_file("no/such/muster.yaml");
    ASSERT_EQ(absent.faults.size(), 1u);
    EXPECT_EQ(absent.faults[0].text(),
              "no/such/muster.yaml: cannot be read; expected a YAML file that this user may read");
    EXPECT_FALSE(absent.config);
    EXPECT_EQ(load_file("/").faults.size(), 1u) << "a folder";
}

TEST(Duration, UnitsAndSums) {
    EXPECT_EQ(parse_duration("250ms"), 250ms);
    EXPECT_EQ(parse_duration("1s"), 1s);
    EXPECT_EQ(parse_duration("5m"), 5min);
    EXPECT_EQ(parse_duration("1h"), 1h);
    EXPECT_EQ(parse_duration("7d"), 168h);
    EXPECT_EQ(parse_duration("1h30m"), 90min);
    for (auto bad : {"", "1", "s", "1 s", "-1s", "+1s", "1.5h", "1S", "1w", "1hm", "99999999999999999999s", "1000001d"})
        EXPECT_EQ(parse_duration(bad), std::nullopt) << bad;
}

TEST(NeedsRestart, NamesWhatARunningDaemonCannotChange) {
    auto running = good("{store: memory, workers: 2, domains: {example.com: {}}}");
    EXPECT_TRUE(
        needs_restart(running, good("{store: memory, workers: 2, domains: {example.org: {lookup: off}}}")).empty());
    auto wanted = good(R"(
listen: [{udp: "127.0.0.1:5060"}]
store: sqlite:/tmp/a.db
workers: 3
limits: {message_bytes: 2048, headers: 64, contacts: 5}
dns: {servers: [127.0.0.1]}
admin: {socket: /tmp/a.sock, http: "127.0.0.1:9460"}
domains: {example.com: {}})");
    EXPECT_EQ(needs_restart(running, wanted),
              (std::vector<std::string>{"listen", "store", "workers", "limits.message_bytes", "dns.servers",
                                        "admin.socket", "admin.http"}));
    EXPECT_TRUE(needs_restart(running, good("{store: memory, workers: 2, domains: {example.com: {}}, "
                                            "limits: {headers: 64, contacts: 5}}"))
                    .empty());
}

}  // namespace
}  // namespace muster::config
