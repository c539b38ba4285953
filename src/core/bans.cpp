// The text of a record: "1" US since US until US by US reason, US = 0x1F; times in milliseconds since 1970, "-" for no
// end.

#include "muster/core/bans.hpp"

#include <algorithm>
#include <functional>
#include <limits>

#include "muster/base/text.hpp"

namespace muster::core {
namespace {

constexpr char separator = '\x1f';
constexpr std::string_view format = "1", endless = "-";
constexpr int prefix_of_v4 = 96;

/// Leaves the first `prefix` bits.
void cut(std::array<std::uint8_t, 16>& ip, int prefix) {
    for (int i = 0; i < 16; ++i) {
        const int bits = std::clamp(prefix - 8 * i, 0, 8);
        ip[static_cast<std::size_t>(i)] &= static_cast<std::uint8_t>(0xff << (8 - bits));
    }
}

std::optional<base::Wall> moment_from(std::string_view digits) {
    const auto since_1970 = base::decimal(digits, std::numeric_limits<base::Milliseconds::rep>::max());
    if (!since_1970) return {};
    return base::Wall(base::Milliseconds(static_cast<base::Milliseconds::rep>(*since_1970)));
}

bool is_sound(std::string_view text) { return text.size() <= Ban::longest && !base::has_control(text); }

}  // namespace

std::optional<base::Network> network_from(std::string_view text) {
    auto network = base::Network::parse(text);
    if (network) cut(network->base.ip, network->prefix);
    return network;
}

std::string network_text(const base::Network& network) {
    auto text = network.base.ip_text();
    if (network.prefix == 128) return text;
    text += '/';
    base::append_decimal(text, network.prefix - (network.base.is_v4() ? prefix_of_v4 : 0));
    return text;
}

bool is_too_wide(const base::Network& network) {
    return network.prefix < (network.base.is_v4() ? prefix_of_v4 + 8 : 16);
}

bool overlap(const base::Network& a, const base::Network& b) { return a.contains(b.base) || b.contains(a.base); }

std::string encode(const Ban& ban) {
    if (!is_sound(ban.by) || !is_sound(ban.reason)) return {};
    std::string out(format);
    out += separator;
    base::append_decimal(out, ban.since.time_since_epoch().count());
    out += separator;
    if (ban.until)
        base::append_decimal(out, ban.until->time_since_epoch().count());
    else
        out += endless;
    return out.append(1, separator).append(ban.by).append(1, separator).append(ban.reason);
}

std::optional<Ban> decode_ban(std::string_view network, std::string_view record) {
    const auto parts = base::split(record, separator);
    const auto parsed = network_from(network);
    if (!parsed || network_text(*parsed) != network || parts.size() != 5 || parts[0] != format) return {};
    const auto since = moment_from(parts[1]), until = moment_from(parts[2]);
    if (!since || (!until && parts[2] != endless) || !is_sound(parts[3]) || !is_sound(parts[4])) return {};
    return Ban{*parsed, *since, until, std::string(parts[3]), std::string(parts[4])};
}

Bans::Bans(std::vector<EntryPtr> entries, std::uint64_t hash_seed)
    : entries_(std::move(entries)), places_(entries_.size(), Hash{hash_seed}) {
    for (const auto& entry : entries_) {
        const auto& network = entry->ban.network;
        places_.emplace(Key{network.base.ip, network.prefix}, entry.get());
        auto& lengths = network.base.is_v4() ? lengths_v4_ : lengths_v6_;
        if (std::ranges::find(lengths, network.prefix) == lengths.end()) lengths.push_back(network.prefix);
    }
    for (auto* lengths : {&lengths_v4_, &lengths_v6_}) std::ranges::sort(*lengths, std::greater<>());
}

Bans::EntryPtr Bans::find(std::string_view name) const {
    const auto found = std::ranges::lower_bound(entries_, name, {},
                                                [](const EntryPtr& entry) { return std::string_view(entry->name); });
    return found != entries_.end() && (*found)->name == name ? *found : nullptr;
}

const Bans::Entry* Bans::covering(const base::Address& address, base::Wall now) const {
    for (const int length : address.is_v4() ? lengths_v4_ : lengths_v6_) {
        Key key{address.ip, length};
        if (length < 128) cut(key.ip, length);
        const auto found = places_.find(key);
        if (found != places_.end() && found->second->ban.counts(now)) return found->second;
    }
    return nullptr;
}

}  // namespace muster::core
