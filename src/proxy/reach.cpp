#include "muster/proxy/reach.hpp"

#include <algorithm>

#include "muster/base/text.hpp"
#include "muster/sip/uri.hpp"

namespace muster::proxy {
namespace {

/// A device with several flows (RFC 5626) is rung over the newest that is not silent; that one is now a spare.
void take_another_flow(Target& target, std::vector<Target>& spares, const auto& silent) {
    for (auto& spare : spares) {
        if (silent(spare) || !base::iequals(spare.instance_id, target.instance_id)) continue;
        std::swap(target, spare);
        std::swap(target.q, spare.q);  // its place in the order stays
        return std::swap(target.score, spare.score);
    }
}

}  // namespace

bool is_elsewhere(const sip::Uri& contact, const base::Flow& flow) {
    const auto host = base::Address::parse(contact.host);
    return !host || host->ip != flow.remote.ip;
}

bool is_behind_nat(const location::Binding& binding, const base::Flow& flow) {
    if (!binding.path.empty()) return false;
    const auto contact = sip::parse_uri(binding.contact);
    return contact && contact->is_sip() && is_elsewhere(*contact, flow);
}

void prefer_reachable(TargetSet& set, const Reaches& reaches, std::vector<LeftOut>* left_out) {
    auto reach_of = [&](const Target& target) {
        return target.flow && !base::is_stream(target.flow->transport) ? reaches(*target.flow) : Reach::unknown;
    };
    auto& targets = set.targets;
    auto silent = [&](const Target& target) { return reach_of(target) == Reach::unreachable; };
    for (auto& target : targets)
        if (silent(target)) take_another_flow(target, set.spares, silent);
    if (std::ranges::all_of(targets, silent)) return;
    std::erase_if(targets, [&](const Target& target) {
        if (!silent(target)) return false;
        if (left_out) left_out->push_back({std::string(target.uri), "it has answered no ping for a while"});
        return true;
    });
    // Few: moving each behind the others of its q needs no memory, as std::stable_partition would.
    for (std::size_t i = targets.size(); i-- > 0;) {
        if (reach_of(targets[i]) != Reach::late) continue;
        const auto place = targets.begin() + static_cast<std::ptrdiff_t>(i);
        const auto end = std::find_if(place + 1, targets.end(), [&](const Target& other) {
            return other.q != place->q || reach_of(other) == Reach::late;
        });
        std::rotate(place, place + 1, end);
    }
}

}  // namespace muster::proxy
