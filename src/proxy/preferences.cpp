// Caller preferences (RFC 3841 s7.2) over the feature parameters of contacts (RFC 3840 s9).

#include "preferences.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "muster/base/text.hpp"
#include "muster/proxy/target_set.hpp"

namespace muster::proxy {
namespace {

/// Values and parameters read of one request; what is beyond is not looked at. They are compared with each contact.
constexpr unsigned most_parts = 128;

/// The base tags of RFC 3840 s9, and all that begin with a plus.
bool is_feature(std::string_view name) {
    static constexpr auto base_tags = std::to_array<std::string_view>(
        {"audio",  "automata", "class",   "duplex", "data",        "control",   "mobility",
         "events", "priority", "methods", "video",  "description", "schemes",   "application",
         "actor",  "language", "isfocus", "type",   "text",        "extensions"});
    return name.starts_with('+') ||
           std::ranges::any_of(base_tags, [&](std::string_view tag) { return base::iequals(tag, name); });
}

struct Range {
    double low = -std::numeric_limits<double>::infinity();
    double high = std::numeric_limits<double>::infinity();
};

bool read_number(std::string_view text, double& out) {
    if (text.starts_with('+')) text.remove_prefix(1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, std::chars_format::fixed);
    return error == std::errc() && end == text.data() + text.size();
}

/// "#=5", "#>=5", "#<=5", "#2:5".
std::optional<Range> read_range(std::string_view text) {
    Range range;
    bool good = false;
    if (text.starts_with("#=")) {
        good = read_number(text.substr(2), range.low);
        range.high = range.low;
    } else if (text.starts_with("#>=")) {
        good = read_number(text.substr(3), range.low);
    } else if (text.starts_with("#<=")) {
        good = read_number(text.substr(3), range.high);
    } else if (const auto colon = text.find(':'); text.starts_with('#') && colon != text.npos) {
        good = read_number(text.substr(1, colon - 1), range.low) && read_number(text.substr(colon + 1), range.high);
    }
    return good ? std::optional(range) : std::nullopt;
}

/// Strings in <> with case, numbers as ranges that meet, tokens and booleans without case.
bool same_value(std::string_view a, std::string_view b) {
    if (a.starts_with('<')) return a == b;
    if (!a.starts_with('#') || !b.starts_with('#')) return base::iequals(a, b);
    const auto x = read_range(a), y = read_range(b);
    return x && y && x->low <= y->high && y->low <= x->high;
}

/// The value of a feature parameter: a string, or a list some of whose values may be negated.
class FeatureValues {
public:
    explicit FeatureValues(const sip::Param& param) : list_(param.has_value ? param.value : "TRUE") {
        if (list_.size() >= 2 && list_.starts_with('"')) list_ = list_.substr(1, list_.size() - 2);
    }

    /// True if one value is in both (what "matching" comes to in RFC 2533 for terms of one tag each).
    bool meets(const FeatureValues& other) const {
        return any([&](std::string_view value, bool negated) { return !negated && other.holds(value); }) ||
               other.any([&](std::string_view value, bool negated) { return !negated && holds(value); }) ||
               (is_open() && other.is_open());
    }
    bool holds(std::string_view wanted) const {
        bool named = false;
        const bool listed = any([&](std::string_view value, bool negated) {
            const bool same = same_value(value, wanted);
            named = named || (negated && same);
            return same && !negated;
        });
        return listed || (is_open() && !named);
    }

private:
    /// All is in it but what is named: it has a negated value.
    bool is_open() const {
        return any([](std::string_view, bool negated) { return negated; });
    }
    template <class Test>
    bool any(Test test) const {
        if (list_.starts_with('<')) return test(list_, false);
        for (auto rest = list_; !rest.empty();) {
            auto value = rest.substr(0, rest.find(','));
            rest.remove_prefix(std::min(value.size() + 1, rest.size()));
            value = base::trimmed(value);
            const bool negated = value.starts_with('!');
            if (test(negated ? value.substr(1) : value, negated)) return true;
        }
        return false;
    }

    std::string_view list_;
};

/// How one Accept-Contact or Reject-Contact value stands to one contact.
struct Comparison {
    unsigned terms = 0;
    unsigned present = 0;  ///< of these tags the contact states something
    bool matches = true;   ///< no term contradicts it
    bool require = false, is_explicit = false;
};

Comparison compare(std::string_view preference, const sip::Params& contact, unsigned& budget) {
    Comparison out;
    budget -= std::min(budget, 1u);
    const auto params = preference.substr(std::min(preference.find(';'), preference.size()));
    sip::Params::Reader reader(params);
    for (auto term = reader.next(); term && budget > 0; term = reader.next()) {
        --budget;
        out.require = out.require || base::iequals(term->name, "require");
        out.is_explicit = out.is_explicit || base::iequals(term->name, "explicit");
        if (!is_feature(term->name)) continue;
        ++out.terms;
        const auto stated = contact.find(term->name);
        if (!stated) continue;
        ++out.present;
        out.matches = out.matches && FeatureValues(*term).meets(FeatureValues(*stated));
    }
    return out;
}

/// A contact that states nothing is not touched by preferences (s7.2.3).
bool is_immune(const sip::Params& contact) {
    auto reader = contact.read();
    while (const auto param = reader.next())
        if (is_feature(param->name)) return false;
    return true;
}

/// Only who states all that is not wanted is ruled out.
bool is_rejected(const sip::Params& contact, const sip::Message& request, unsigned& budget) {
    sip::Values preferences(request, sip::Header::reject_contact);
    for (auto preference = preferences.next(); preference && budget > 0; preference = preferences.next()) {
        const auto found = compare(*preference, contact, budget);
        if (found.terms > 0 && found.present == found.terms && found.matches) return true;
    }
    return false;
}

}  // namespace

std::optional<std::uint16_t> suits(std::string_view contact_params, const sip::Message& request) {
    const sip::Params contact(contact_params);
    if (is_immune(contact)) return 1000;
    unsigned budget = most_parts;
    if (is_rejected(contact, request, budget)) return {};
    unsigned stated = 0, matching = 0, sum = 0;
    sip::Values preferences(request, sip::Header::accept_contact);
    for (auto preference = preferences.next(); preference && budget > 0; preference = preferences.next()) {
        const auto found = compare(*preference, contact, budget);
        if (found.terms == 0) continue;
        ++stated;
        const bool whole = found.present == found.terms;
        const bool suffices = found.matches && (whole || !found.is_explicit);
        if (found.require && !suffices) return {};
        if (!found.matches) continue;
        ++matching;
        if (suffices) sum += 1000 * found.present / found.terms;
    }
    if (stated == 0) return 1000;
    return static_cast<std::uint16_t>(matching == 0 ? 0 : sum / matching);
}

bool takes_method(std::string_view contact_params, std::string_view method) {
    const auto methods = sip::Params(contact_params).find("methods");
    return !methods || FeatureValues(*methods).holds(method);
}

}  // namespace muster::proxy
