#pragma once
// Phones over UDP behind NAT: who they are, and what becomes of a look-up when one of them falls silent.

#include <cstdint>
#include <functional>
#include <vector>

#include "muster/base/flow.hpp"
#include "muster/location/binding.hpp"
#include "muster/proxy/target_set.hpp"

namespace muster::proxy {

/// The host of a Contact is not where its REGISTER came from: it is named by an address that only its own side of a NAT
/// knows, or by a name that is none (RFC 7118 s5).
bool is_elsewhere(const sip::Uri& contact, const base::Flow& flow);
/// The same of a binding that came straight from the phone: behind an edge proxy (Path) that one sees to it.
bool is_behind_nat(const location::Binding& binding, const base::Flow& flow);

/// What pings say of a flow over UDP.
enum class Reach : std::uint8_t {
    unknown,  ///< it has never answered one
    live,
    late,         ///< the last one was not answered
    unreachable,  ///< nor were the two before
};
using Reaches = std::function<Reach(const base::Flow&)>;

/// A device whose newest flow is unreachable is tried over another one of its flows. Of equal q, targets whose flow is
/// late come last; those whose flow is unreachable are left out as long as there is another one.
void prefer_reachable(TargetSet& set, const Reaches& reaches, std::vector<LeftOut>* left_out = nullptr);

}  // namespace muster::proxy
