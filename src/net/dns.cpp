#include "dns.hpp"

#include <arpa/nameser.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <cstring>
#include <stdexcept>
#include <tuple>

#include "muster/base/text.hpp"
#include "sockaddr.hpp"

namespace muster::net {
namespace {

using base::Milliseconds;
using base::Seconds;

constexpr std::size_t record_limit = 16;
constexpr Seconds shortest{1}, longest{3'600};
constexpr Seconds absent{10};                  // for how long nobody asks again for what does not exist
constexpr Seconds broken{2};                   // or for what could not be found out
constexpr std::chrono::milliseconds beat{25};  // how fine the time-outs of c-ares are

Milliseconds lifetime(long long seconds) { return std::clamp(Seconds(seconds), shortest, longest); }

Dns::Finding nothing(int status) {
    Dns::Finding finding;
    finding.silent = status == ARES_ETIMEOUT || status == ARES_ECONNREFUSED;
    finding.lifetime = status == ARES_ENOTFOUND || status == ARES_ENODATA || status == ARES_SUCCESS ? absent : broken;
    return finding;
}

std::string name_of(const char* text) {
    auto name = base::lowered(text);
    if (name.ends_with('.')) name.pop_back();
    return name;
}

/// The shortest TTL of the answer section (RFC 1035 s4.1.3); nothing of it when the message is broken.
long long shortest_ttl(const unsigned char* bytes, int length) {
    if (length < HFIXEDSZ) return 0;
    const int questions = bytes[4] << 8 | bytes[5], answers = bytes[6] << 8 | bytes[7];
    const auto *at = bytes + HFIXEDSZ, *end = bytes + length;
    long long ttl = longest.count();
    for (int i = 0; i < questions + answers; ++i) {
        char* name = nullptr;
        long encoded = 0;
        if (at >= end || ares_expand_name(at, bytes, length, &name, &encoded) != ARES_SUCCESS) return 0;
        ares_free_string(name);
        at += encoded;
        const bool question = i < questions;
        if (end - at < (question ? QFIXEDSZ : RRFIXEDSZ)) return 0;
        if (!question) {
            ttl = std::min(ttl, static_cast<long long>(at[4]) << 24 | at[5] << 16 | at[6] << 8 | at[7]);
            at += at[8] << 8 | at[9];
        }
        at += question ? QFIXEDSZ : RRFIXEDSZ;
    }
    return ttl;
}

std::vector<Dns::Record> read_naptr(const unsigned char* bytes, int length) {
    ares_naptr_reply* list = nullptr;
    std::vector<Dns::Record> records;
    if (ares_parse_naptr_reply(bytes, length, &list) != ARES_SUCCESS) return records;
    for (auto* each = list; each; each = each->next) {
        auto text = [](const unsigned char* from) { return base::lowered(reinterpret_cast<const char*>(from)); };
        const bool leads_to_srv = text(each->flags) == "s" && !*each->regexp;  // all that RFC 3263 s4.1 has use for
        records.push_back({each->order,
                           each->preference,
                           0,
                           leads_to_srv ? text(each->service) : "",
                           name_of(each->replacement),
                           {}});
    }
    ares_free_data(list);
    return records;
}

std::vector<Dns::Record> read_srv(const unsigned char* bytes, int length) {
    ares_srv_reply* list = nullptr;
    std::vector<Dns::Record> records;
    if (ares_parse_srv_reply(bytes, length, &list) != ARES_SUCCESS) return records;
    for (auto* each = list; each; each = each->next)
        records.push_back({each->priority, each->weight, each->port, "", name_of(each->host), {}});
    ares_free_data(list);
    return records;
}

}  // namespace

struct Dns::Request {
    Dns& dns;
    Type type;
    Done done;
};

struct Dns::Socket {
    Socket(asio::io_context& io, ares_socket_t fd) : descriptor(io, fd) {}

    Descriptor descriptor;
    bool open = true;
    std::array<bool, 2> wanted{}, waits{};  // to write, to read
};

Dns::Dns(asio::io_context& io, const ResolverOptions& options)
    : io_(io),
      family_(options.v4 && options.v6 ? AF_UNSPEC
              : options.v6             ? AF_INET6
                                       : AF_INET),
      timer_(io) {
    static const int library = ares_library_init(ARES_LIB_INIT_ALL);
    ares_options wish{};
    char lookups[] = "fb";  // /etc/hosts, then DNS
    wish.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
    wish.timeout = static_cast<int>(options.timeout.count());
    wish.tries = options.tries;
    wish.lookups = lookups;
    wish.sock_state_cb = on_socket;
    wish.sock_state_cb_data = this;
    const int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_DOMAINS |
                     ARES_OPT_SOCK_STATE_CB;
    int status = library == ARES_SUCCESS ? ares_init_options(&channel_, &wish, mask) : library;
    if (status == ARES_SUCCESS && !options.servers.empty())
        status = ares_set_servers_ports_csv(channel_, options.servers.c_str());
    if (status == ARES_SUCCESS) return;
    if (channel_) ares_destroy(channel_);
    throw std::runtime_error("DNS servers \"" + options.servers + "\": " + ares_strerror(status));
}

Dns::~Dns() { ares_destroy(channel_); }

void Dns::ask(Type type, const std::string& name, Done done) {
    auto* request = new Request{*this, type, std::move(done)};  // c-ares gives it back, once
    ++open_;
    if (type == Type::address) {
        ares_addrinfo_hints hints{};
        hints.ai_family = family_;
        hints.ai_socktype = SOCK_DGRAM;
        ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, on_addresses, request);
    } else {
        ares_query(channel_, name.c_str(), ns_c_in, type == Type::srv ? ns_t_srv : ns_t_naptr, on_answer, request);
    }
    if (open_ > 0 && !std::exchange(ticking_, true)) tick();
}

void Dns::later(std::function<void()> call) {
    asio::post(io_, [alive = std::weak_ptr(alive_), call = std::move(call)] {
        if (!alive.expired()) call();
    });
}

void Dns::on_answer(void* data, int status, int, unsigned char* bytes, int length) {
    auto* request = static_cast<Request*>(data);
    auto finding = nothing(status);
    if (status == ARES_SUCCESS)
        finding.records = request->type == Type::srv ? read_srv(bytes, length) : read_naptr(bytes, length);
    if (!finding.records.empty()) finding.lifetime = lifetime(shortest_ttl(bytes, length));
    std::stable_sort(finding.records.begin(), finding.records.end(), [](const Record& a, const Record& b) {
        return std::tie(a.order, a.preference) < std::tie(b.order, b.preference);
    });
    request->dns.finish(request, status == ARES_EDESTRUCTION ? Finding{} : std::move(finding));
}

void Dns::on_addresses(void* data, int status, int, ares_addrinfo* found) {
    auto* request = static_cast<Request*>(data);
    auto finding = nothing(status);
    long long ttl = longest.count();
    for (auto* each = found ? found->nodes : nullptr; each; each = each->ai_next) {
        SockAddr name{};
        std::memcpy(&name, each->ai_addr, std::min<std::size_t>(each->ai_addrlen, sizeof name));
        finding.records.push_back({0, 0, 0, "", "", from_sockaddr(name)});
        ttl = std::min<long long>(ttl, each->ai_ttl);
    }
    for (auto* each = found ? found->cnames : nullptr; each; each = each->next)
        ttl = std::min<long long>(ttl, each->ttl);
    if (found) ares_freeaddrinfo(found);
    if (!finding.records.empty()) finding.lifetime = lifetime(ttl);
    request->dns.finish(request, std::move(finding));
}

/// Also called while this is being destroyed: what is passed to later() is dropped then.
void Dns::finish(Request* request, Finding finding) {
    --open_;
    if (finding.records.size() > record_limit) finding.records.resize(record_limit);
    later([done = std::move(request->done), finding = std::move(finding)]() mutable { done(std::move(finding)); });
    delete request;
}

/// c-ares has opened a socket, is about to close it (neither), or wants to know something else of it.
void Dns::on_socket(void* self, ares_socket_t fd, int readable, int writable) {
    auto& dns = *static_cast<Dns*>(self);
    auto& socket = dns.sockets_[fd];
    if (!readable && !writable) {
        if (socket) {
            socket->open = false;
            socket->descriptor.release();  // c-ares closes it
        }
        dns.sockets_.erase(fd);
        return;
    }
    if (!socket) socket = std::make_shared<Socket>(dns.io_, fd);
    socket->wanted = {writable != 0, readable != 0};
    for (bool reading : {false, true}) dns.wait(socket, reading);
}

void Dns::wait(const std::shared_ptr<Socket>& socket, bool reading) {
    if (!socket->open || !socket->wanted[reading] || std::exchange(socket->waits[reading], true)) return;
    socket->descriptor.async_wait(reading ? Descriptor::wait_read : Descriptor::wait_write,
                                  [this, socket, reading](const boost::system::error_code& error) {
                                      if (error || !socket->open) return;
                                      socket->waits[reading] = false;
                                      const auto fd = socket->descriptor.native_handle();
                                      ares_process_fd(channel_, reading ? fd : ARES_SOCKET_BAD,
                                                      reading ? ARES_SOCKET_BAD : fd);
                                      wait(socket, reading);
                                  });
}

/// While something is under way. (ares_timeout() would look at every question for each.)
void Dns::tick() {
    timer_.expires_after(beat);
    timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
        if (error || alive.expired()) return;
        ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        ticking_ = open_ > 0;
        if (ticking_) tick();
    });
}

}  // namespace muster::net
