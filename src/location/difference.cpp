#include "muster/location/difference.hpp"

#include <algorithm>
#include <optional>

#include "muster/base/text.hpp"
#include "muster/sip/uri.hpp"

namespace muster::location {
namespace {

bool same_instance(const Binding& a, const Binding& b) {
    return !a.instance_id.empty() && base::iequals(a.instance_id, b.instance_id);
}

/// The place of a binding among those before, as the registrar tells them apart: by instance and reg-id where Outbound
/// applies, else by URI; one that is written as it was needs no parsing. None: it was not there.
std::optional<std::size_t> place_in(const Bindings& before, const Binding& binding, base::Mono at) {
    const auto find = [&](auto&& is_it) -> std::optional<std::size_t> {
        for (std::size_t i = 0; i < before.size(); ++i)
            if (before[i].reg_id == binding.reg_id && !before[i].is_expired(at) && is_it(before[i])) return i;
        return {};
    };
    if (binding.reg_id != 0) return find([&](const Binding& b) { return same_instance(b, binding); });
    if (auto same_text = find([&](const Binding& b) { return b.contact == binding.contact; })) return same_text;
    const auto uri = sip::parse_uri(binding.contact);
    if (!uri || !uri->is_sip()) return {};
    return find([&](const Binding& b) {
        const auto other = sip::parse_uri(b.contact);
        return other && other->is_sip() && sip::uri_equal(*uri, *other);
    });
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
        const auto place = before ? place_in(*before, binding, at) : std::nullopt;
        if (place) stays[*place] = true;
        const bool touched = binding.updated_at == at || (before && !place);
        const auto fate = !touched ? Fate::kept : !before ? Fate::bound : place ? Fate::refreshed : Fate::registered;
        all.push_back({binding, fate});
    }
    for (std::size_t i = 0; i < stays.size(); ++i)
        if (const auto& binding = (*before)[i]; !stays[i])
            all.push_back({binding, Fate::gone, why_gone(binding, after, cause, at)});
    return all;
}

}  // namespace muster::location
