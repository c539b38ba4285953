#include "muster/net/resolver.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "dns.hpp"
#include "muster/base/text.hpp"
#include "muster/net/worker.hpp"

namespace muster::net {
namespace {

using base::Transport;
using core::Place;
using Type = Dns::Type;

constexpr std::size_t place_limit = 16;
constexpr std::size_t service_limit = 4;

/// Where SRV is asked for it when NAPTR has not said (RFC 3263 s4.1); empty: nowhere.
std::string srv_name(Transport transport, const std::string& host) {
    switch (transport) {
        case Transport::udp:
            return "_sip._udp." + host;
        case Transport::tcp:
            return "_sip._tcp." + host;
        case Transport::tls:
            return "_sips._tcp." + host;
        case Transport::ws:
        case Transport::wss:
            break;
    }
    return "";
}

/// NAPTR services (RFC 3263 s4.1).
std::optional<Transport> transport_of(std::string_view service) {
    if (service == "sip+d2u") return Transport::udp;
    if (service == "sip+d2t") return Transport::tcp;
    if (service == "sips+d2t") return Transport::tls;
    return {};
}

/// By priority, and among equals by lot: each as likely to be next as its weight says (RFC 2782).
std::vector<Dns::Record> draw(std::vector<Dns::Record> records, base::Random& random) {
    // They come sorted by priority, then weight, so those of weight 0 stand first, as the RFC wants.
    for (auto next = records.begin(); next != records.end(); ++next) {
        const auto end = std::find_if(next, records.end(), [&](const auto& each) { return each.order != next->order; });
        std::uint64_t sum = 0;
        for (auto each = next; each != end; ++each) sum += each->preference;
        const auto lot = random.next() % (sum + 1);
        auto chosen = next;
        for (sum = chosen->preference; sum < lot; sum += chosen->preference) ++chosen;
        std::rotate(next, chosen, chosen + 1);
    }
    return records;
}

}  // namespace

struct Resolver::Impl {
    using Key = std::pair<Type, std::string>;
    using Known = std::shared_ptr<const Dns::Finding>;
    struct Cached {
        Known finding;
        base::Mono ends{};
    };
    struct Service {
        Transport transport;
        std::string name;
    };
    /// A question, and what has been found out for it: kept, so that nothing it rests on ends or is evicted meanwhile.
    struct Asked {
        core::Question question;
        std::map<Key, Known> known{};
        std::size_t missing = 0;
    };

    Impl(asio::io_context& io, const ResolverOptions& from, base::Random& chance, Answer tell)
        : options(from), random(chance), answer(std::move(tell)), dns(io, from) {}

    void run(std::uint64_t serial);
    std::vector<Place> places(std::uint64_t serial, Asked& asked);
    std::optional<std::vector<Service>> services(std::uint64_t serial, Asked& asked,
                                                 const std::vector<Transport>& transports);
    std::vector<Transport> transports_for(const core::Question& question) const;
    void add(std::uint64_t serial, Asked& asked, const std::string& host, Transport transport, std::uint16_t port,
             std::vector<Place>& out);
    Known find(std::uint64_t serial, Asked& asked, Type type, const std::string& name);
    void found(const Key& key, Dns::Finding finding);
    void remember(const Key& key, const Known& finding);

    const ResolverOptions options;
    base::Random& random;
    Answer answer;
    std::unordered_map<std::uint64_t, Asked> questions;  // by serial
    std::uint64_t serials = 0;
    std::map<Key, std::vector<std::uint64_t>> under_way;  // and who waits for it
    std::map<Key, Cached> cache;
    std::set<std::pair<base::Mono, Key>> ends;  // of the cache
    Dns dns;
};

Resolver::Resolver(asio::io_context& io, const ResolverOptions& options, base::Random& random, Answer answer)
    : impl_(std::make_unique<Impl>(io, options, random, std::move(answer))) {}

Resolver::~Resolver() = default;

std::size_t Resolver::pending() const { return impl_->questions.size(); }

void Resolver::ask(const core::Question& question) {
    auto& impl = *impl_;
    if (impl.questions.size() >= impl.options.pending || question.host.empty())
        return impl.dns.later([&impl, id = question.id] { impl.answer(id, {}); });
    const auto serial = impl.serials++;
    auto& asked = impl.questions[serial];
    asked.question = question;
    asked.question.host = base::lowered(question.host);
    if (asked.question.host.ends_with('.')) asked.question.host.pop_back();
    impl.dns.later([&impl, serial] { impl.run(serial); });
}

/// Goes the way of RFC 3263 from its beginning with what is known. What is missing is asked for, and when all of that
/// has come, the way is gone again.
void Resolver::Impl::run(std::uint64_t serial) {
    auto& asked = questions.at(serial);
    auto found = places(serial, asked);
    if (asked.missing > 0) return;
    const auto id = asked.question.id;
    questions.erase(serial);
    answer(id, std::move(found));
}

/// RFC 3263 s4.1 and s4.2. To be used only if nothing is missing afterwards.
std::vector<Place> Resolver::Impl::places(std::uint64_t serial, Asked& asked) {
    const auto& question = asked.question;
    std::vector<Place> out;
    const auto transports = transports_for(question);
    if (transports.empty() || (!options.v4 && !options.v6)) return out;
    if (question.port != 0) {
        add(serial, asked, question.host, transports.front(), question.port, out);
        return out;
    }
    const auto ways = services(serial, asked, transports);
    if (!ways) return out;
    std::vector<Known> servers;
    for (const auto& way : *ways) servers.push_back(find(serial, asked, Type::srv, way.name));
    if (asked.missing > 0) return out;
    bool exists = false, silent = false;
    std::size_t targets = 0;
    for (std::size_t i = 0; i < ways->size(); ++i) {
        silent = silent || servers[i]->silent;
        exists = exists || !servers[i]->records.empty();
        for (const auto& server : draw(servers[i]->records, random))
            if (!server.target.empty() && targets++ < place_limit)  // "." means: decidedly not here
                add(serial, asked, server.target, (*ways)[i].transport, server.port, out);
    }
    if (!exists && !silent)
        add(serial, asked, question.host, transports.front(), base::default_port(transports.front()), out);
    return out;
}

/// The names to ask SRV for, in order: those that NAPTR lists, else the usual ones. Empty while NAPTR is missing, and
/// when DNS is silent: there is no use in asking on, nobody waits that long.
std::optional<std::vector<Resolver::Impl::Service>> Resolver::Impl::services(std::uint64_t serial, Asked& asked,
                                                                             const std::vector<Transport>& transports) {
    std::vector<Service> out;
    const auto& host = asked.question.host;
    if (!asked.question.transport) {
        const auto naptr = find(serial, asked, Type::naptr, host);
        if (!naptr || naptr->silent) return {};
        for (const auto& record : naptr->records) {
            const auto transport = transport_of(record.service);
            if (transport && !record.target.empty() && out.size() < service_limit &&
                std::ranges::find(transports, *transport) != transports.end())
                out.push_back({*transport, record.target});
        }
    }
    // Without NAPTR a sip URI leads to TLS only if it says so itself: "_sips" is for sips URIs (RFC 3263 s4.1).
    const bool may_be_secure = asked.question.secure || asked.question.transport;
    if (out.empty())
        for (auto transport : transports)
            if (auto name = srv_name(transport, host); !name.empty() && (may_be_secure || transport != Transport::tls))
                out.push_back({transport, std::move(name)});
    return out;
}

/// What the question allows and we can send over, the usual one first.
std::vector<Transport> Resolver::Impl::transports_for(const core::Question& question) const {
    std::vector<Transport> out;
    for (auto transport : options.transports) {
        const bool secure = transport == Transport::tls || transport == Transport::wss;
        // "sips:...;transport=tcp" is TLS over TCP (RFC 3261 s26.2.2).
        const bool stated = !question.transport || *question.transport == transport ||
                            (question.secure && *question.transport == Transport::tcp && transport == Transport::tls);
        if (stated && (secure || !question.secure)) out.push_back(transport);
    }
    return out;
}

/// Adds the addresses of a host.
void Resolver::Impl::add(std::uint64_t serial, Asked& asked, const std::string& host, Transport transport,
                         std::uint16_t port, std::vector<Place>& out) {
    const auto addresses = find(serial, asked, Type::address, host);
    if (!addresses) return;
    for (const auto& record : addresses->records) {
        Place place{transport, record.address};
        place.address.port = port;
        const bool known = std::ranges::any_of(
            out, [&](const Place& each) { return each.transport == place.transport && each.address == place.address; });
        if (!known && out.size() < place_limit) out.push_back(place);
    }
}

/// What is known of a name; else it is asked for and missing.
Resolver::Impl::Known Resolver::Impl::find(std::uint64_t serial, Asked& asked, Type type, const std::string& name) {
    const Key key{type, name};
    auto& known = asked.known[key];
    if (known) return known;
    if (auto cached = cache.find(key); cached != cache.end() && cached->second.ends > read_clocks().mono)
        return known = cached->second.finding;
    auto [waiting, first] = under_way.try_emplace(key);
    if (std::ranges::find(waiting->second, serial) == waiting->second.end()) {
        waiting->second.push_back(serial);
        ++asked.missing;
    }
    if (first) dns.ask(type, name, [this, key](Dns::Finding finding) { found(key, std::move(finding)); });
    return nullptr;
}

void Resolver::Impl::found(const Key& key, Dns::Finding finding) {
    const auto known = std::make_shared<const Dns::Finding>(std::move(finding));
    remember(key, known);
    const auto waiting = under_way.extract(key);
    for (auto serial : waiting.mapped()) {
        auto& asked = questions.at(serial);
        asked.known[key] = known;
        if (--asked.missing == 0) run(serial);
    }
}

void Resolver::Impl::remember(const Key& key, const Known& finding) {
    if (auto old = cache.find(key); old != cache.end()) {
        ends.erase({old->second.ends, key});
        cache.erase(old);
    }
    const auto end = read_clocks().mono + finding->lifetime;
    cache.emplace(key, Cached{finding, end});
    ends.emplace(end, key);
    while (cache.size() > options.cache) {
        cache.erase(ends.begin()->second);
        ends.erase(ends.begin());
    }
}

}  // namespace muster::net
