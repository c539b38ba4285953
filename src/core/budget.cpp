#include "budget.hpp"

#include "muster/base/hash.hpp"

namespace muster::core {
std::optional<Budget::Charge> Budget::take(const RequestLimits& limits, std::size_t bytes, Standing standing,
                                           const base::Address& source, std::string_view target) {
    auto fits = [bytes](const Load& load, std::size_t requests, std::size_t most) {
        return load.requests < requests && (load.bytes == 0 || load.bytes + bytes <= most);
    };
    if (!fits(all_, limits.requests, limits.bytes)) return {};
    Charge charge{bytes, standing, 0, 0};
    if (standing != Standing::shown) {
        auto& part = part_of(standing);
        charge.source = base::seeded_hash(bytes_of(source, Sender::site), seed_);
        charge.target = target.empty() ? 0 : base::seeded_hash(target, seed_);
        auto has_room = [&](const Loads& loads, std::uint64_t key, std::size_t requests) {
            const auto found = loads.find(key);
            return found == loads.end() || fits(found->second, requests, limits.bytes / 16);
        };
        if (!fits(part.all, limits.of_strangers, limits.bytes / 4)) return {};
        if (!has_room(part.sources, charge.source, limits.of_source)) return {};
        if (charge.target != 0 && !has_room(part.targets, charge.target, limits.for_user)) return {};
        part.sources[charge.source].add(bytes);
        try {
            if (charge.target != 0) part.targets[charge.target].add(bytes);
        } catch (const std::bad_alloc&) {
            remove(part.sources, charge.source, bytes);
            throw;
        }
        part.all.add(bytes);
    }
    all_.add(bytes);
    return charge;
}

void Budget::give_back(const Charge& charge) {
    all_.remove(charge.bytes);
    if (charge.standing == Standing::shown) return;
    auto& part = part_of(charge.standing);
    part.all.remove(charge.bytes);
    remove(part.sources, charge.source, charge.bytes);
    if (charge.target != 0) remove(part.targets, charge.target, charge.bytes);
}

void Budget::remove(Loads& loads, std::uint64_t key, std::size_t bytes) {
    auto found = loads.find(key);
    found->second.remove(bytes);
    if (found->second.requests == 0) loads.erase(found);
}

}  // namespace muster::core
