#include "muster/location/difference.hpp"

#include <algorithm>

#include "muster/base/text.hpp"
#include "muster/sip/uri.hpp"

namespace muster::location {
namespace {

bool same_instance(const Binding& a, const Binding& b) {
    return !a.instance_id.empty() && base::iequals(a.instance_id, b.instance_id);
}

/// As the registrar tells bindings apart: by instance and reg-id where Outbound applies, else by URI.
bool same_binding(const Binding& a, const Binding& b) {
    if (a.reg_id != 0 || b.reg_id != 0) return a.reg_id == b.reg_id && same_instance(a, b);
    if (a.contact == b.contact) return true;
    const auto one = sip::parse_uri(a.contact), other = sip::parse_uri(b.contact);
    return one && other && one->is_sip() && other->is_sip() && sip::uri_equal(*one, *other);
}

std::string_view why_gone(const Binding& gone, const Bindings& after, Cause cause, base::Mono at) {
    if (gone.is_expired(at)) return name_of(Cause::expired);
    if (cause != Cause::registered) return name_of(cause);
    auto touched_and = [&](auto&& alike) {
        return std::ranges::any_of(after, [&](const Binding& b) { return b.updated_at == at && alike(b); });
    };
    if (touched_and([&](const Binding& b) { return same_instance(b, gone); })) return "replaced";
    const bool same_call = touched_and([&](const Binding& b) { return b.call_id == gone.call_id; });
    return name_of(same_call ? Cause::unregistered : Cause::evicted);
}

}  // namespace

std::string_view name_of(Fate fate) {
    switch (fate) {
        case Fate::kept:
            return "kept";
        case Fate::registered:
            return "registered";
        case Fate::refreshed:
            return "refreshed";
        case Fate::bound:
            return "bound";
        case Fate::gone:
            return "gone";
    }
    return "unknown";
}

std::vector<BindingChange> difference(const Bindings* before, const Bindings& after, Cause cause, base::Mono at) {
    std::vector<BindingChange> all;
    std::vector<bool> stays(before ? before->size() : 0);
    for (const auto& binding : after) {
        bool was_there = false;
        for (std::size_t i = 0; i < stays.size(); ++i)
            if (!(*before)[i].is_expired(at) && same_binding((*before)[i], binding)) was_there = stays[i] = true;
        const bool touched = binding.updated_at == at || (before && !was_there);
        const auto fate = !touched    ? Fate::kept
                          : !before   ? Fate::bound
                          : was_there ? Fate::refreshed
                                      : Fate::registered;
        all.push_back({binding, fate});
    }
    for (std::size_t i = 0; i < stays.size(); ++i)
        if (const auto& binding = (*before)[i]; !stays[i])
            all.push_back({binding, Fate::gone, why_gone(binding, after, cause, at)});
    return all;
}

}  // namespace muster::location
