// Caller preferences (RFC 3841 s7.2) over the capabilities that a contact states (RFC 3840).

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "muster/base/text.hpp"
#include "muster/proxy/target_set.hpp"
#include "muster/sip/headers.hpp"

namespace muster::proxy {
namespace {

/// RFC 3840 s9: feature parameters that need no plus sign.
bool is_feature(std::string_view name) {
    constexpr std::array<std::string_view, 19> base_tags{"audio",   "automata", "class",       "duplex", "data",
                                                         "control", "mobility", "description", "events", "priority",
                                                         "methods", "schemes",  "application", "video",  "language",
                                                         "type",    "isfocus",  "actor",       "text"};
    if (name.starts_with('+')) return true;
    auto same = [&](std::string_view tag) { return base::iequals(tag, name); };
    return std::ranges::any_of(base_tags, same) || base::iequals(name, "extensions");
}

std::string_view bare(const sip::Param& param) {
    auto value = param.has_value ? base::trimmed(param.value) : std::string_view("TRUE");
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    return value;
}

struct Interval {
    double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
};

std::optional<double> number(std::string_view text) {
    double value = 0;
    text = base::trimmed(text);
    if (text.starts_with('+')) text.remove_prefix(1);
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

/// "#=5", "#>=5", "#<=5", "#1:5" (RFC 3840 s9).
std::optional<Interval> interval(std::string_view text) {
    if (!text.starts_with('#')) return {};
    text.remove_prefix(1);
    if (auto colon = text.find(':'); colon != text.npos) {
        auto low = number(text.substr(0, colon)), high = number(text.substr(colon + 1));
        return low && high ? std::optional(Interval{*low, *high}) : std::nullopt;
    }
    const bool least = text.starts_with(">="), most = text.starts_with("<="), exact = text.starts_with("=");
    auto value = number(text.substr(least || most ? 2 : exact ? 1 : 0));
    if (!value) return {};
    Interval out;
    if (!most) out.low = *value;
    if (!least) out.high = *value;
    return out;
}

/// One value of each side. Tokens are compared without case, strings in angle brackets with it; "!token" is any other.
bool meets(std::string_view a, std::string_view b) {
    if (a.starts_with('<') || b.starts_with('<')) return a == b;
    if (auto left = interval(a), right = interval(b); left && right)
        return left->low <= right->high && right->low <= left->high;
    const bool not_a = a.starts_with('!'), not_b = b.starts_with('!');
    const bool same = base::iequals(a.substr(not_a), b.substr(not_b));
    return not_a && not_b ? true : not_a || not_b ? !same : same;
}

/// The two sets of values have one in common.
bool meet(std::string_view a, std::string_view b) {
    for (auto left : base::split(a, ','))
        for (auto right : base::split(b, ','))
            if (meets(base::trimmed(left), base::trimmed(right))) return true;
    return false;
}

/// How one predicate of the caller fits what a contact states.
struct Fit {
    unsigned features = 0;  ///< of the predicate
    unsigned stated = 0;    ///< of those, how many the contact speaks of and fits
    bool contradicted = false;
    bool require = false, is_explicit = false;
};

Fit fit(std::string_view value, const sip::Params& contact) {
    Fit out;
    auto semicolon = value.find(';');
    auto reader = sip::Params(semicolon == value.npos ? std::string_view() : value.substr(semicolon)).read();
    while (auto param = reader.next()) {
        if (base::iequals(param->name, "require")) out.require = true;
        if (base::iequals(param->name, "explicit")) out.is_explicit = true;
        if (!is_feature(param->name)) continue;
        ++out.features;
        auto own = contact.find(param->name);
        if (!own) continue;
        if (meet(bare(*own), bare(*param)))
            ++out.stated;
        else
            out.contradicted = true;
    }
    return out;
}

/// A contact that states no capability is immune to preferences (s7.2.1). The instance is its name, no capability.
bool states_features(const sip::Params& contact) {
    auto reader = contact.read();
    while (auto param = reader.next())
        if (is_feature(param->name) && !base::iequals(param->name, "+sip.instance")) return true;
    return false;
}

}  // namespace

std::optional<std::uint16_t> suits(std::string_view contact_params, const sip::Message& request) {
    constexpr std::uint16_t best = 1000;
    const sip::Params contact(contact_params);
    if (!states_features(contact)) return best;
    sip::Values rejected(request, sip::Header::reject_contact);
    while (auto value = rejected.next()) {
        auto one = fit(*value, contact);
        if (one.features > 0 && one.stated == one.features) return {};  // s7.2.3: all of it stated, and so
    }
    unsigned sum = 0, predicates = 0;
    sip::Values accepted(request, sip::Header::accept_contact);
    while (auto value = accepted.next()) {
        auto one = fit(*value, contact);
        const bool whole = one.stated == one.features;
        if (one.require && (one.contradicted || (one.is_explicit && !whole))) return {};
        ++predicates;
        if (one.contradicted || (one.is_explicit && !whole)) continue;
        sum += one.features == 0 ? best : best * one.stated / one.features;
    }
    return predicates == 0 ? best : static_cast<std::uint16_t>(sum / predicates);
}

}  // namespace muster::proxy
