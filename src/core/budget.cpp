#include "budget.hpp"

#include "muster/base/hash.hpp"

namespace muster::core {
namespace {

/// A customer of a provider has a whole /64 of IPv6.
std::string_view network_of(const base::Address& source) {
    const auto size = source.is_v4() ? source.ip.size() : source.ip.size() / 2;
    return {reinterpret_cast<const char*>(source.ip.data()), size};
}

}  // namespace

std::optional<Budget::Charge> Budget::take(const RequestLimits& limits, std::size_t bytes, bool is_strange,
                                           const base::Address& source, std::string_view user) {
    // Bytes are shared out as requests are.
    auto fits = [&](const Load& load, std::size_t requests) {
        const auto share = limits.bytes / limits.requests * requests;
        return load.requests < requests && (load.bytes == 0 || load.bytes + bytes <= share);
    };
    if (!fits(all_, limits.requests)) return {};
    Charge charge{bytes, is_strange};
    if (is_strange) {
        if (!fits(strangers_, limits.of_strangers)) return {};
        charge.source = base::seeded_hash(network_of(source), seed_);
        charge.user = user.empty() ? 0 : base::seeded_hash(user, seed_);
        auto has_room = [&](const Loads& loads, std::uint64_t key, std::size_t requests) {
            const auto found = loads.find(key);
            return found == loads.end() || fits(found->second, requests);
        };
        if (!has_room(sources_, charge.source, limits.of_source)) return {};
        if (charge.user != 0 && !has_room(users_, charge.user, limits.for_user)) return {};
        strangers_.add(bytes);
        sources_[charge.source].add(bytes);
        if (charge.user != 0) users_[charge.user].add(bytes);
    }
    all_.add(bytes);
    return charge;
}

void Budget::give_back(const Charge& charge) {
    all_.remove(charge.bytes);
    if (!charge.is_strange) return;
    strangers_.remove(charge.bytes);
    remove(sources_, charge.source, charge.bytes);
    if (charge.user != 0) remove(users_, charge.user, charge.bytes);
}

void Budget::remove(Loads& loads, std::uint64_t key, std::size_t bytes) {
    auto found = loads.find(key);
    found->second.remove(bytes);
    if (found->second.requests == 0) loads.erase(found);
}

}  // namespace muster::core
