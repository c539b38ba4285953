#pragma once
// What the rules are called that answer a request, and what they mean.

#include <span>
#include <string_view>

namespace muster::core {

/// One rule as base::Reject::rule, registrar::Decision::rule and auth::Verdict::rule name it.
struct Rule {
    std::string_view name;
    /// Of RFC 3261 s10.3, for a REGISTER: 1 to 8; 0 for what comes before them, or has no place among them.
    int step = 0;
    std::string_view meaning;  ///< a sentence for people
    /// The key of the configuration that has a say in it, with "*" for the domain: "domains.*.contacts.limit". Empty:
    /// nothing can be set.
    std::string_view key{};
};

/// All rules there are.
std::span<const Rule> rules();
/// Null for a name that is none.
const Rule* find_rule(std::string_view name);

/// "RFC 3261 s10.3" of "RFC 3261 s10.3 step 5: no such user"; empty when the rule is none of an RFC.
std::string_view rfc_of(std::string_view rule);

/// The steps that a REGISTER goes through (RFC 3261 s10.3), in words: the first is what comes before step 1.
std::span<const std::string_view> steps_of_register();

}  // namespace muster::core
