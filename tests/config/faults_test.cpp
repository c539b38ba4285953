// A table: what is wrong with a file, word for word.

#include <gtest/gtest.h>

#include "muster/config/config.hpp"

namespace muster::config {
namespace {

struct Case {
    const char* name;
    const char* yaml;
    std::vector<std::string> faults;  ///< after "muster.yaml"
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class Faulty : public testing::TestWithParam<Case> {};

TEST_P(Faulty, IsToldWordForWord) {
    auto loaded = load_text(GetParam().yaml, "muster.yaml");
    std::vector<std::string> texts;
    for (const auto& fault : loaded.faults) texts.push_back(fault.text());
    std::vector<std::string> wanted;
    for (const auto& fault : GetParam().faults) wanted.push_back("muster.yaml:" + fault);
    EXPECT_EQ(texts, wanted);
    EXPECT_FALSE(loaded.config);
}

const char* const duration = "expected a duration of at least 1s, such as 30s, 5m or 1h";
const char* const address = "expected an IP address and a port such as 127.0.0.1:5060 or \"[::1]:5060\"";

const Case cases[] = {
    {"Empty", "", {" the file is empty; expected at least \"domains: {example.com: {}}\""}},
    {"OnlyComments", "# nothing\n", {" the file is empty; expected at least \"domains: {example.com: {}}\""}},
    {"NotAMap", "- a\n", {"1:1: the file is a list; expected a map of keys"}},
    {"Syntax", "domains:\n  example.com: {\n", {"3:1: this is not YAML: end of map flow not found"}},
    {"TwoDocuments", "domains: {a.example: {}}\n---\ndomains: {}\n", {"2:1: a second document; expected one"}},
    {"NotEvenADocument", ",", {" the file is empty; expected at least \"domains: {example.com: {}}\""}},
    {"ControlInSyntax", "\"\\\x1b\"", {"1:4: this is not YAML: unknown escape character: \\x1b"}},
    {"NoDomains",
     "workers: 1\n",
     {"1:1: domains is missing; expected at least one domain, e.g. \"domains: {example.com: {}}\""}},
    {"EmptyDomains", "domains: {}\n", {"1:10: domains is empty; expected at least one domain"}},
    {"NullDomains", "domains:\n", {"1:1: domains is empty; expected a map of domain names"}},
    {"Misspelt",
     "domains:\n  example.com:\n    alias: [a.example]\n    colour: red\n",
     {"3:5: unknown key \"alias\" in domains.example.com; did you mean \"aliases\"?",
      "4:5: unknown key \"colour\" in domains.example.com; expected one of aliases, expires, contacts, flow_lost, "
      "nat_ping, accounts, auth, "
      "lookup, "
      "ring_time, inbound, trusted, path, outbound, flow_timer, gruu, service_route"}},
    {"MisspeltAtTheTop",
     "listn: []\ndomains: {example.com: {}}\nStore: memory\n",
     {"1:1: unknown key \"listn\"; did you mean \"listen\"?", "3:1: unknown key \"Store\"; did you mean \"store\"?"}},
    {"MergeKey",
     "domains: {example.com: {<<: {lookup: off}}}\n",
     {"1:25: unknown key \"<<\" in domains.example.com; expected one of aliases, expires, contacts, flow_lost, "
      "nat_ping, accounts, auth, "
      "lookup, "
      "ring_time, inbound, trusted, path, outbound, flow_timer, gruu, service_route"}},
    {"RoutesThatAreNone",
     "domains: {example.com: {service_route: ['sip:a;lr', 'sip:a', 'tel:1', '<sip:a;lr>']}}\n",
     {"1:53: \"sip:a\" is not valid for domains.example.com.service_route[1]; expected a SIP URI with lr, such as "
      "sip:edge.example.com;lr",
      "1:62: \"tel:1\" is not valid for domains.example.com.service_route[2]; expected a SIP URI with lr, such as "
      "sip:edge.example.com;lr",
      "1:71: \"<sip:a;lr>\" is not valid for domains.example.com.service_route[3]; expected a SIP URI with lr, such "
      "as sip:edge.example.com;lr"}},
    {"Twice",
     "workers: 1\ndomains: {example.com: {}, Example.com: {}}\nworkers: 2\n",
     {"2:28: key \"example.com\" in domains stands twice, first in line 2; expected once",
      "3:1: key \"workers\" stands twice, first in line 1; expected once"}},
    {"WrongTypes",
     "listen: 127.0.0.1:5060\nstore: [a]\nworkers: {a: 1}\ndomains: {example.com: 7}\nadmin: []\n",
     {"1:9: listen is a single value; expected a list", "2:8: store is a list; expected sqlite:PATH or memory:",
      "3:10: workers is a map; expected a whole number from 1 to 256",
      "4:24: domains.example.com is a single value; expected a map of keys",
      "5:8: admin is a list; expected a map of keys"}},
    {"Durations",
     "domains:\n  example.com:\n    expires: {min: soon, default: 3600, max: 0s}\n    ring_time: 500ms\n",
     {std::string("3:20: \"soon\" is not valid for domains.example.com.expires.min; ") + duration,
      std::string("3:35: \"3600\" is not valid for domains.example.com.expires.default; ") + duration,
      std::string("3:46: \"0s\" is not valid for domains.example.com.expires.max; ") + duration,
      std::string("4:16: \"500ms\" is not valid for domains.example.com.ring_time; ") + duration}},
    {"Counts",
     "workers: 010x\nlimits: {headers: 5}\ndomains: {example.com: {contacts: {limit: -1}}}\n",
     {"1:10: \"010x\" is not valid for workers; expected a whole number from 1 to 256",
      "2:19: \"5\" is not valid for limits.headers; expected a whole number from 16 to 136",
      "3:43: \"-1\" is not valid for domains.example.com.contacts.limit; expected a whole number from 0 to 1000"}},
    {"Choices",
     "log: {level: loud}\ndomains: {example.com: {lookup: both, contacts: {when_full: drop}}}\n",
     {"1:14: \"loud\" is not valid for log.level; expected one of debug, info, warning or error",
      "2:33: \"both\" is not valid for domains.example.com.lookup; expected one of proxy, redirect or off",
      "2:61: \"drop\" is not valid for domains.example.com.contacts.when_full; expected one of reject, replace-dead, "
      "replace-oldest or single"}},
    {"Algorithms",
     "domains: {a.example: {auth: {algorithms: [SHA1, MD5, MD5]}}, b.example: {auth: {algorithms: []}}}\n",
     {"1:43: \"SHA1\" is not valid for domains.a.example.auth.algorithms[0]; expected one of MD5, SHA-256 or "
      "SHA-512-256",
      "1:54: domains.a.example.auth.algorithms: MD5 stands twice; expected once",
      "1:93: domains.b.example.auth.algorithms is empty; expected at least one algorithm"}},
    {"Lifetimes",
     "domains:\n  a.example: {expires: {min: 2h, max: 1h}}\n  b.example: {expires: {min: 2m, default: 1m}}\n"
     "  c.example: {expires: {default: 3h}}\n  d.example: {expires: {min: 3h}}\n",
     {"2:39: domains.a.example.expires: min 2h is above max 1h; expected min <= default <= max",
      "3:43: domains.b.example.expires: min 2m is above default 1m; expected min <= default <= max",
      "4:34: domains.c.example.expires: default 3h is above max 2h; expected min <= default <= max",
      "5:30: domains.d.example.expires: min 3h is above max 2h; expected min <= default <= max"}},
    {"DomainNames",
     "domains:\n  exa mple: {}\n  -a.example: {}\n  \"::1\": {}\n  1.2.3.456: {}\n  a..b: {}\n  [a]: {}\n  ok.example: "
     "{}\n",
     {"2:3: \"exa mple\" is not valid for domains; expected a host name",
      "3:3: \"-a.example\" is not valid for domains; expected a host name",
      "4:3: \"::1\" is not valid for domains; expected a host name",
      "5:3: \"1.2.3.456\" is not valid for domains; expected a host name",
      "6:3: \"a..b\" is not valid for domains; expected a host name",
      "7:3: a key is plain text; expected a name in domains"}},
    {"Aliases",
     "domains:\n  a.example: {aliases: [sip.example, b.example, \"1.2.3.4:5060\"]}\n  b.example: {aliases: "
     "[SIP.example]}\n",
     {"2:38: domains.a.example.aliases: b.example already means b.example; expected a name of this domain alone",
      "2:49: \"1.2.3.4:5060\" is not valid for domains.a.example.aliases[2]; expected a host name or an IP address",
      "3:25: domains.b.example.aliases: sip.example already means a.example; expected a name of this domain alone"}},
    {"Networks",
     "domains: {example.com: {trusted: [192.0.2.0/33, here]}}\n",
     {"1:35: \"192.0.2.0/33\" is not valid for domains.example.com.trusted[0]; expected a network such as "
      "192.0.2.0/24, or an IP address",
      "1:49: \"here\" is not valid for domains.example.com.trusted[1]; expected a network such as 192.0.2.0/24, or an "
      "IP address"}},
    {"NameServers",
     "domains: {example.com: {}}\ndns: {servers: [dns.example, \"127.0.0.1:x\"]}\n",
     {"2:17: \"dns.example\" is not valid for dns.servers[0]; expected an IP address, with or without a port, such as "
      "192.0.2.53 or 127.0.0.1:5353",
      "2:30: \"127.0.0.1:x\" is not valid for dns.servers[1]; expected an IP address, with or without a port, such as "
      "192.0.2.53 or 127.0.0.1:5353"}},
    {"Listeners",
     "domains: {example.com: {}}\nlisten:\n  - udp: 127.0.0.1\n  - tcp: localhost:5060\n  - advertise: a.example\n"
     "  - {udp: '127.0.0.1:1', tcp: '127.0.0.1:1'}\n  - 7\n  - udp: ::1:5060\n  - udp: 127.0.0.1:99999\n  - tcp:\n",
     {std::string("3:10: \"127.0.0.1\" is not valid for listen[0].udp; ") + address,
      std::string("4:10: \"localhost:5060\" is not valid for listen[1].tcp; ") + address,
      "5:5: listen[2] has no transport; expected exactly one of udp, tcp, tls, ws or wss",
      "6:5: listen[3] has several transports; expected exactly one of udp, tcp, tls, ws or wss",
      "7:5: listen[4] is a single value; expected a map of keys",
      std::string("8:10: \"::1:5060\" is not valid for listen[5].udp; ") + address,
      std::string("9:10: \"127.0.0.1:99999\" is not valid for listen[6].udp; ") + address,
      std::string("10:5: listen[7].tcp is empty; ") + address}},
    {"EmptyListen",
     "{listen: [], domains: {example.com: {}}}",
     {"1:10: listen is empty; expected at least one listener"}},
    {"SameListenerTwice",
     "domains: {example.com: {}}\nlisten:\n  - udp: 127.0.0.1:5060\n  - tcp: 127.0.0.1:5060\n  - udp: 127.0.0.1:5060\n"
     "  - ws: 127.0.0.1:5060\nadmin: {http: \"127.0.0.1:5060\"}\n",
     {"5:10: listen[2].udp: 127.0.0.1:5060 is already taken by udp; expected another address or port",
      "6:9: listen[3].ws: 127.0.0.1:5060 is already taken by tcp; expected another address or port",
      "7:15: admin.http: 127.0.0.1:5060 is already taken by tcp; expected another address or port"}},
    {"AListenerOnEveryAddressTakesItsPort",
     "domains: {example.com: {}}\nlisten:\n  - udp: 0.0.0.0:5060\n  - udp: \"[::]:5060\"\n  - tcp: 127.0.0.1:5060\n"
     "  - udp: 127.0.0.1:5060\n  - udp: \"[::1]:5060\"\n  - udp: \"[::1]:5070\"\nadmin: {http: \"0.0.0.0:5060\"}\n",
     {"6:10: listen[3].udp: 127.0.0.1:5060 is already taken by udp 0.0.0.0:5060; expected another address or port",
      "7:10: listen[4].udp: [::1]:5060 is already taken by udp [::]:5060; expected another address or port",
      "9:15: admin.http: 0.0.0.0:5060 is already taken by tcp 127.0.0.1:5060; expected another address or port",
      "9:15: admin.http: 0.0.0.0:5060 is not loopback; expected admin.certificate, admin.key and admin.token_file with "
      "it"}},
    {"TcpForAllNeedsTlsAndAToken",
     "domains: {example.com: {}}\nadmin:\n  http: 192.0.2.1:9460\n  token_file: no-such.token\n  certificate: "
     "no-such.pem\n",
     {"3:3: admin.key is missing; expected a PEM file, as TLS of admin.http needs one",
      "4:15: \"no-such.token\" is not valid for admin.token_file; expected a file that can be read",
      "5:16: \"no-such.pem\" is not valid for admin.certificate; expected a file that can be read"}},
    {"WhoDoesNotListenNeedsNoToken",
     "domains: {example.com: {}}\nadmin: {hosts: [muster.example.com]}\n",
     {"2:16: admin.hosts has no use; expected admin.http too"}},
    {"NobodyListensThere",
     "domains: {example.com: {}}\nlisten:\n  - udp: 224.0.0.1:5060\n  - udp: \"[ff02::1]:5060\"\n"
     "  - udp: 255.255.255.255:5060\nstore: sqlite:/var/lib/\nadmin: {socket: /run/}\n",
     {"3:10: \"224.0.0.1:5060\" is not valid for listen[0].udp; expected an IP address and a port such as "
      "127.0.0.1:5060 or \"[::1]:5060\"",
      "4:10: \"[ff02::1]:5060\" is not valid for listen[1].udp; expected an IP address and a port such as "
      "127.0.0.1:5060 or \"[::1]:5060\"",
      "5:10: \"255.255.255.255:5060\" is not valid for listen[2].udp; expected an IP address and a port such as "
      "127.0.0.1:5060 or \"[::1]:5060\"",
      "6:8: \"sqlite:/var/lib/\" is not valid for store; expected sqlite:PATH or memory:",
      "7:17: \"/run/\" is not valid for admin.socket; expected a path"}},
    {"Certificates",
     "domains: {example.com: {}}\nlisten:\n  - tls: 127.0.0.1:5061\n  - wss: 127.0.0.1:8443\n    certificate: "
     "no/such.pem\n"
     "    key: /\n  - udp: 127.0.0.1:5060\n    key: a.key\n",
     {"3:5: listen[0].certificate is missing; expected a PEM file, as tls needs one",
      "3:5: listen[0].key is missing; expected a PEM file, as tls needs one",
      "5:18: \"no/such.pem\" is not valid for listen[1].certificate; expected a file that can be read",
      "6:10: \"/\" is not valid for listen[1].key; expected a file that can be read",
      "8:10: listen[2].key has no use with udp; expected it with tls or wss only"}},
    {"WebSockets",
     "domains: {example.com: {}}\nlisten:\n  - ws: 127.0.0.1:8080\n    path: sip\n    origins: [example.com]\n"
     "  - ws: 127.0.0.1:8081\n    origins: []\n  - tcp: 127.0.0.1:5060\n    path: /\n",
     {"4:11: \"sip\" is not valid for listen[0].path; expected a path such as / or /sip",
      "5:15: \"example.com\" is not valid for listen[0].origins[0]; expected an origin such as "
      "https://phone.example.com",
      "7:14: listen[1].origins is empty; expected at least one, or no such key",
      "9:11: listen[2].path has no use with tcp; expected it with ws or wss only"}},
    {"CertificatesOfAnySite",
     "domains: {example.com: {}}\nlisten:\n  - wss: 127.0.0.1:8443\n    certificate: no.pem\n    key: no.pem\n"
     "    client_certificate: optional\n    client_ca: no.pem\n",
     {"4:18: \"no.pem\" is not valid for listen[0].certificate; expected a file that can be read",
      "5:10: \"no.pem\" is not valid for listen[0].key; expected a file that can be read",
      "6:25: listen[0].origins is missing; expected the sites that may speak for who shows a certificate",
      "7:16: \"no.pem\" is not valid for listen[0].client_ca; expected a file that can be read"}},
    {"FurtherCertificates",
     "domains: {example.com: {}}\nlisten:\n  - tls: 127.0.0.1:5061\n    certificate: /dev/null\n    key: no.key\n"
     "    certificates:\n      - {key: no.key}\n    client_certificate: required\n  - udp: 127.0.0.1:5060\n"
     "    client_ca: a.pem\n",
     {"4:18: \"/dev/null\" is not valid for listen[0].certificate; expected a file that can be read",
      "5:10: \"no.key\" is not valid for listen[0].key; expected a file that can be read",
      "7:9: listen[0].certificates[0].certificate is missing; expected a PEM file, as each needs one",
      "7:15: \"no.key\" is not valid for listen[0].certificates[0].key; expected a file that can be read",
      "8:25: listen[0].client_ca is missing; expected a PEM file, as client_certificate needs one",
      "10:16: listen[1].client_ca has no use with udp; expected it with tls or wss only"}},
    {"CertificatesOfOthers",
     "domains: {example.com: {}}\ntls:\n  ca: no.pem\n  key: a.pem\n",
     {"3:7: \"no.pem\" is not valid for tls.ca; expected a file that can be read",
      "4:3: unknown key \"key\" in tls; expected one of ca"}},
    {"Store",
     "{store: 'sqlite:', domains: {example.com: {}}}",
     {"1:9: \"sqlite:\" is not valid for store; expected sqlite:PATH or memory:"}},
    {"SocketTooLong",
     "domains: {example.com: {}}\nadmin:\n  socket: "
     "/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789\n",
     {"3:11: admin.socket is too long; expected at most 107 bytes of absolute path"}},
    {"ControlCharacters",
     "domains: {example.com: {}}\n\"a\\x1b[31m\": 1\n",
     {"2:1: unknown key \"a\\x1b[31m\"; expected one of listen, store, domains, admin, workers, dns, tls, log, "
      "capture, webhooks, limits"}},
    {"CaptureToAName",
     "domains: {example.com: {}}\ncapture: {hep: homer.example, credentials: shown}\n",
     {"2:16: \"homer.example\" is not valid for capture.hep; " + std::string(address),
      "2:44: \"shown\" is not valid for capture.credentials; expected one of masked or plain"}},
};

INSTANTIATE_TEST_SUITE_P(Table, Faulty, testing::ValuesIn(cases),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(Faults, AreAllToldInOneRunInTheOrderOfTheFile) {
    auto loaded = load_text("workers: no\ndomains:\n  example.com: {lookup: 1}\nstor: x\n", "a.yaml");
    ASSERT_EQ(loaded.faults.size(), 3u);
    EXPECT_EQ(loaded.faults[0].line, 1);
    EXPECT_EQ(loaded.faults[1].line, 3);
    EXPECT_EQ(loaded.faults[2].line, 4);
}

TEST(Faults, DeepNestingIsAFaultNotACrash) {
    auto loaded = load_text("a: " + std::string(100'000, '['), "a.yaml");
    EXPECT_EQ(loaded.faults.size(), 1u);
}

}  // namespace
}  // namespace muster::config
