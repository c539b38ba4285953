#include "muster/core/throttled.hpp"

#include <algorithm>

#include "muster/core/bans.hpp"

namespace muster::core {
namespace {

constexpr std::size_t most_users = 32;
constexpr std::size_t longest_user = 128;

base::Network site_of(base::Address address) {
    address.port = 0;
    address.scope = 0;
    if (address.is_v4()) return {address, 128};
    std::fill(address.ip.begin() + 8, address.ip.end(), std::uint8_t{0});
    return {address, 64};
}

base::Mono whole_at(const Throttled::Source& source, const RateTable& rates) {
    auto whole = rates.whole_at(rates.key(source.network.base, Sender::site));
    for (auto key : source.keys) whole = std::max(whole, rates.whole_at(key));
    return whole;
}

}  // namespace

/// Under a flood this is called often: it looks at those alone that have just been counted.
void Throttled::hear(const Event& event, const RateTable& rates, base::Now now) {
    const auto network = site_of(event.flow.remote);
    auto found = sources_.find(network.base);
    if (found == sources_.end()) {
        if (sources_.size() >= most)
            sources_.erase(std::ranges::min_element(sources_, {}, [](const auto& each) { return each.second.heard; }));
        found = sources_.emplace(network.base, Source{}).first;
    }
    auto& source = found->second;
    if (source.whole <= now.mono) source = Source{.network = network, .since = now.wall};
    source.last = now.wall;
    source.heard = now.mono;
    ++source.count;
    source.user = event.subject.substr(0, longest_user);
    source.whole =
        std::max({source.whole, rates.whole_at(rates.key(network.base, Sender::site)), rates.whole_at(event.key)});
    if (std::ranges::count(source.keys, event.key) != 0) return;
    if (source.keys.size() >= most_users) source.keys.erase(source.keys.begin());
    source.keys.push_back(event.key);
}

std::vector<Throttled::Source> Throttled::list(const RateTable& rates, base::Mono now) const {
    std::vector<Source> all;
    for (const auto& [address, source] : sources_) {
        const auto whole = whole_at(source, rates);
        if (whole <= now) continue;
        all.push_back(source);
        all.back().whole = whole;
    }
    return all;
}

/// One IPv6 address means the /64 that it is of.
bool Throttled::forgive(const base::Network& wanted, RateTable& rates, base::Mono now) {
    const auto network = wanted.prefix == 128 ? site_of(wanted.base) : wanted;
    const auto found = sources_.find(network.base);
    if (found == sources_.end() || found->second.network.prefix != network.prefix) return false;
    const bool is_held = whole_at(found->second, rates) > now;
    rates.forgive(rates.key(network.base, Sender::site));
    for (auto key : found->second.keys) rates.forgive(key);
    sources_.erase(found);
    return is_held;
}

}  // namespace muster::core
