#include "flows.hpp"

#include <algorithm>

namespace muster::net {
namespace {

/// Whoever has one address of an IPv6 /64 has them all.
base::Address source_of(base::Address address) {
    address.port = 0;
    if (!address.is_v4()) std::fill(address.ip.begin() + 8, address.ip.end(), std::uint8_t{0});
    return address;
}

}  // namespace

Flows::Flows(unsigned workers, const StreamLimits& limits, std::uint64_t boot) : limits_(limits), boot_(boot) {
    for (unsigned worker = 0; worker < workers; ++worker)
        slots_.push_back(std::make_unique<std::atomic<std::uint32_t>[]>(limits_.connections));
}

Flows::Admission Flows::admit(const base::Address& source) {
    std::lock_guard lock(mutex_);
    const auto known = sources_.find(source_of(source));
    if (known != sources_.end() && known->second >= limits_.per_source) return Admission::source_full;
    if (total_ >= limits_.connections) return Admission::full;
    ++sources_[source_of(source)];
    ++total_;
    return Admission::yes;
}

void Flows::leave(const base::Address& source) {
    std::lock_guard lock(mutex_);
    auto found = sources_.find(source_of(source));
    if (--found->second == 0) sources_.erase(found);
    --total_;
}

std::uint32_t Flows::open(std::uint32_t worker, std::uint32_t slot) {
    return slots_[worker][slot].fetch_add(1, std::memory_order_acq_rel) + 1;
}

void Flows::close(std::uint32_t worker, std::uint32_t slot) {
    slots_[worker][slot].fetch_add(1, std::memory_order_acq_rel);
}

bool Flows::is_live(const base::Flow& flow) const {
    if (!base::is_stream(flow.transport)) return true;
    const bool open = flow.generation % 2 == 1;
    return open && flow.boot == boot_ && flow.worker < slots_.size() && flow.slot < limits_.connections &&
           slots_[flow.worker][flow.slot].load(std::memory_order_acquire) == flow.generation;
}

}  // namespace muster::net
