#include "keys.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace muster::config {
namespace {

constexpr std::string_view event_names =
    "registered|refreshed|unregistered|expired|evicted|flow-lost|admin|account|account-removed|damaged";

constexpr Key certificate_keys[] = {
    {"certificate", Kind::file, "PEM file with the certificate chain, relative to this file."},
    {"key", Kind::file, "PEM file with the private key, relative to this file."},
};
constexpr Key certificate_item[] = {{"", Kind::map, "One more certificate.", {}, {}, certificate_keys}};
constexpr Key origin_item[] = {{"", Kind::origin, "Scheme and host of a web page."}};
constexpr Key listen_keys[] = {
    {"udp", Kind::address, "Address and port that take SIP over UDP."},
    {"tcp", Kind::address, "Address and port that take SIP over TCP."},
    {"tls", Kind::address, "Address and port that take SIP over TLS; needs certificate and key."},
    {"ws", Kind::address, "Address and port that take SIP over WebSocket (RFC 7118)."},
    {"wss", Kind::address, "Address and port that take SIP over secure WebSocket; needs certificate and key."},
    {"advertise", Kind::host,
     "Name or address put in Via, Record-Route and Path, where others know this host by another one (cloud NAT)."},
    {"certificate", Kind::file, "PEM file with the certificate chain, relative to this file."},
    {"key", Kind::file, "PEM file with the private key, relative to this file."},
    {"certificates",
     Kind::list,
     "Certificates for further names; a client that asks for one of them (SNI) gets it.",
     {},
     {},
     certificate_item},
    {"client_certificate", Kind::choice, "Whether clients are asked for a certificate.", "off",
     "off|optional|required"},
    {"client_ca", Kind::file, "PEM file with the certificates that sign those of clients."},
    {"path", Kind::url_path, "Path of the URL of a WebSocket; 404 for any other.", "/"},
    {"origins",
     Kind::list,
     "Web pages that may open a WebSocket, 403 for others; absent: all may.",
     {},
     {},
     origin_item},
    {"ping", Kind::duration, "A WebSocket that has been quiet for so long is sent a ping.", "30s"},
};
constexpr Key listen_item[] = {{"", Kind::map, "One listener: a transport with its address.", {}, {}, listen_keys}};

constexpr Key expires_keys[] = {
    {"min", Kind::duration, "Shorter registrations are refused with 423.", "60s"},
    {"default", Kind::duration, "Lifetime of a registration that asks for none.", "1h"},
    {"max", Kind::duration, "Longer registrations are cut to this.", "2h"},
};
constexpr Key contacts_keys[] = {
    {"limit", Kind::count, "Contacts one address-of-record may have; 0 for no limit.", "10", {}, {}, 0, 1'000},
    {"when_full", Kind::choice, "What becomes of a new contact when the limit is reached.", "replace-dead",
     "reject|replace-dead|replace-oldest|single"},
};
constexpr Key algorithm_item[] = {{"", Kind::choice, "A digest algorithm.", {}, "MD5|SHA-256|SHA-512-256"}};
constexpr Key auth_keys[] = {
    {"algorithms", Kind::list, "Digest algorithms, offered in this order.", "[MD5]", {}, algorithm_item},
    {"nonce_life", Kind::duration, "How long a nonce serves.", "5m"},
};
constexpr Key alias_item[] = {{"", Kind::host, "A name or address that means this domain."}};
constexpr Key route_item[] = {{"", Kind::route, "A SIP URI with lr."}};
constexpr Key trusted_item[] = {{"", Kind::network, "A network or one address."}};
constexpr Key domain_keys[] = {
    {"aliases", Kind::list, "Names and addresses that mean this domain.", {}, {}, alias_item},
    {"expires", Kind::map, "Lifetimes of registrations.", {}, {}, expires_keys},
    {"contacts", Kind::map, "How many contacts an address-of-record may have.", {}, {}, contacts_keys},
    {"flow_lost", Kind::choice,
     "What becomes of WebSocket and Outbound contacts when their connection is closed: removed, or kept until they "
     "expire.",
     "drop", "drop|hold"},
    {"nat_ping", Kind::interval,
     "Phones over UDP behind NAT are sent an OPTIONS when nothing was heard of them for so long; 0: never.", "30s"},
    {"accounts", Kind::count, "Accounts the domain may have.", "2000000", {}, {}, 1, 100'000'000},
    {"auth", Kind::map, "Digest authentication.", {}, {}, auth_keys},
    {"lookup", Kind::choice, "What becomes of a request for a user: passed on, answered with 302, or refused.", "proxy",
     "proxy|redirect|off"},
    {"ring_time", Kind::duration, "An INVITE unanswered for so long is given up.", "60s"},
    {"inbound", Kind::choice, "Who may call served users; with `lookup: redirect` the default is trusted.", "anyone",
     "anyone|trusted|nobody"},
    {"trusted",
     Kind::list,
     "Edge proxies and peers: may send calls, and REGISTERs they have authenticated.",
     {},
     {},
     trusted_item},
    {"path", Kind::choice, "A Path whose client does not list `path`: lazy stores it, strict refuses it (RFC 3327).",
     "lazy", "lazy|strict"},
    {"outbound", Kind::choice, "Several flows of one device (RFC 5626): required refuses clients without it.", "on",
     "on|off|required"},
    {"flow_timer", Kind::duration, "What Outbound clients are told as Flow-Timer; nothing when absent."},
    {"gruu", Kind::choice, "URIs that lead to one device (RFC 5627), for clients that ask for them.", "on", "on|off"},
    {"service_route", Kind::list, "Service-Route told to registered phones (RFC 3608), in order.", {}, {}, route_item},
};
constexpr Key domain_item[] = {{"", Kind::map, "One domain; {} for all defaults.", {}, {}, domain_keys}};

constexpr Key host_item[] = {{"", Kind::host, "A host name."}};
constexpr Key admin_keys[] = {
    {"socket", Kind::path, "Unix socket of musterctl.", "/run/muster/musterd.sock"},
    {"http", Kind::address, "Address and port of metrics and status page; off when absent."},
    {"token_file", Kind::file,
     "File with one line, the bearer token that admin.http asks for; not to be readable by others."},
    {"certificate", Kind::file, "PEM file with the certificate chain of admin.http; without it only on loopback."},
    {"key", Kind::file, "PEM file with its private key."},
    {"hosts",
     Kind::list,
     "Names that requests to admin.http may know it by, besides its address and localhost.",
     {},
     {},
     host_item},
};
constexpr Key server_item[] = {{"", Kind::server, "A name server: its address, with a port when it is not 53."}};
constexpr Key dns_keys[] = {
    {"servers",
     Kind::list,
     "Name servers asked for the hosts of others (RFC 3263) and of webhooks; absent: those of the system.",
     {},
     {},
     server_item},
};
constexpr Key tls_keys[] = {
    {"ca", Kind::file,
     "PEM file with the certificates that sign those of hosts Muster connects to; absent: those the system trusts."},
};
constexpr Key log_keys[] = {
    {"level", Kind::choice, "The least severity that is logged.", "info", "debug|info|warning|error"},
};
constexpr Key capture_keys[] = {
    {"hep", Kind::address,
     "Address and port that all SIP messages are sent to as HEPv3 over UDP; nothing when absent."},
    {"id", Kind::count, "Capture agent ID in these.", "2001"},
    {"credentials", Kind::choice, "Whether digest responses and other credentials are asterisks in these.", "masked",
     "masked|plain"},
};
constexpr Key limits_keys[] = {
    {"message_bytes", Kind::count, "Longest SIP message; 513 beyond.", "65535", {}, {}, 1'024, 65'535},
    {"headers", Kind::count, "Header fields in one message; 400 beyond.", "128", {}, {}, 16, 136},
    {"contacts", Kind::count, "Contact values in one REGISTER; 400 beyond.", "64", {}, {}, 1, 1'000},
    {"requests",
     Kind::count,
     "Requests a worker has on their way at one time; 503 beyond.",
     "40000",
     {},
     {},
     10,
     90'000},
    {"requests_of_strangers",
     Kind::count,
     "Of these: from senders who have not shown who they are; as many again within dialogs.",
     "10000",
     {},
     {},
     1,
     90'000},
    {"requests_of_source", Kind::count, "Of strangers, from one IPv4 address or IPv6 /64.", "1000", {}, {}, 1, 90'000},
    {"requests_for_user", Kind::count, "Of strangers, for one user; and within one dialog.", "100", {}, {}, 1, 90'000},
    {"request_bytes",
     Kind::count,
     "Bytes of all these, copies for their targets too.",
     "67108864",
     {},
     {},
     1'000'000,
     67'108'864},
    {"guesses",
     Kind::count,
     "Wrong passwords of one user from one IPv4 address or IPv6 /64, then a tenth a second. 0: no limit.",
     "10",
     {},
     {},
     0,
     10'000},
    {"guesses_of_source",
     Kind::count,
     "Wrong passwords from one IPv4 address or IPv6 /64, then a tenth a second. 0: no limit.",
     "100",
     {},
     {},
     0,
     10'000},
    {"answers_to_prefix",
     Kind::count,
     "Answers over UDP to one IPv4 /24 or IPv6 /56 whose senders have shown nothing, then a tenth a second. 0: no "
     "limit.",
     "0",
     {},
     {},
     0,
     10'000},
    {"queue",
     Kind::count,
     "Registrations that wait for the store; from half of it on only those who are bound, 503 beyond.",
     "100000",
     {},
     {},
     10,
     1'000'000},
    {"queue_bytes", Kind::count, "Bytes of their messages.", "67108864", {}, {}, 1'000'000, 1'073'741'824},
    {"connections", Kind::count, "Connections of all, closed at once beyond.", "10000", {}, {}, 1, 1'000'000},
    {"connections_of_source",
     Kind::count,
     "Connections of one IPv4 address or IPv6 /64, closed at once beyond.",
     "1000",
     {},
     {},
     1,
     1'000'000},
    {"connection_output",
     Kind::count,
     "Bytes that wait for one client that does not read; closed beyond.",
     "65536",
     {},
     {},
     4'096,
     16'777'216},
    {"connection_bytes",
     Kind::count,
     "Bytes of unfinished messages and unread answers of all connections; the larger ones are closed beyond.",
     "33554432",
     {},
     {},
     1'000'000,
     1'073'741'824},
    {"transactions",
     Kind::count,
     "Server transactions of all workers that are kept for retransmissions; the oldest go first.",
     "100000",
     {},
     {},
     1'000,
     10'000'000},
    {"transaction_bytes",
     Kind::count,
     "Bytes of a worker's transactions; the oldest go first.",
     "67108864",
     {},
     {},
     1'000'000,
     1'073'741'824},
    {"nonces",
     Kind::count,
     "Used nonces that are remembered; older ones are stale.",
     "1000000",
     {},
     {},
     1'000,
     100'000'000},
    {"senders", Kind::count, "Senders whose guesses and floods are counted.", "262144", {}, {}, 1'024, 16'777'216},
    {"phones",
     Kind::count,
     "Phones over UDP behind NAT whose answers to pings are remembered; beyond, the quietest are forgotten.",
     "262144",
     {},
     {},
     1'024,
     16'777'216},
    {"log_rows",
     Kind::count,
     "Rows of the change log, or four for each address-of-record bound if that is more; older ones are trimmed.",
     "1000000",
     {},
     {},
     1'000,
     1'000'000'000},
    {"explained",
     Kind::count,
     "Requests of each worker that are kept for `musterctl explain`, with what became of them; 0: none.",
     "1000",
     {},
     {},
     0,
     100'000},
};
constexpr Key event_item[] = {{"", Kind::choice, "An event.", {}, event_names}};
constexpr Key webhook_domain_item[] = {{"", Kind::host, "A domain."}};
constexpr Key webhook_keys[] = {
    {"url", Kind::web_url, "Where changes are sent to with POST; http only to this machine."},
    {"secret_file", Kind::file, "File with the secret, of 16 bytes at least, that signs what is sent."},
    {"events", Kind::list, "Only these events; absent: all.", {}, {}, event_item},
    {"domains", Kind::list, "Only changes of these domains; absent: all.", {}, {}, webhook_domain_item},
};
constexpr Key webhook_item[] = {{"", Kind::map, "One receiver.", {}, {}, webhook_keys}};
constexpr Key root_keys[] = {
    {"listen",
     Kind::list,
     "Where SIP arrives; absent: UDP and TCP on 0.0.0.0:5060 and [::]:5060.",
     {},
     {},
     listen_item},
    {"store", Kind::store, "Where bindings and accounts are kept: sqlite:PATH or memory: (forgets at the end).",
     "sqlite:/var/lib/muster/muster.db"},
    {"domains", Kind::domains, "The domains served.", {}, {}, domain_item},
    {"admin", Kind::map, "Administration.", {}, {}, admin_keys},
    {"workers", Kind::count, "Threads that handle SIP; absent: one a core.", {}, {}, {}, 1, 256},
    {"dns", Kind::map, "Name resolution.", {}, {}, dns_keys},
    {"tls", Kind::map, "TLS connections that Muster opens.", {}, {}, tls_keys},
    {"log", Kind::map, "Logging.", {}, {}, log_keys},
    {"capture", Kind::map, "Captures of SIP for Homer or sngrep.", {}, {}, capture_keys},
    {"webhooks", Kind::list, "Who is told of every change, in order and at least once.", {}, {}, webhook_item},
    {"limits", Kind::map, "Hard limits of what is read and of what is under way.", {}, {}, limits_keys},
};
constexpr Key root_key = {"", Kind::map, "Configuration of musterd.", {}, {}, root_keys};

}  // namespace

const Key& root() { return root_key; }

const Key& key_of(const Key& map, std::string_view name) {
    auto found = std::ranges::find(map.inside, name, &Key::name);
    if (found == map.inside.end()) throw std::logic_error("no key " + std::string(name));
    return *found;
}

}  // namespace muster::config
