#pragma once
// One judged request for people and programs. Nothing here knows the running daemon.

#include <boost/json.hpp>
#include <string>
#include <string_view>

#include "muster/base/now.hpp"
#include "muster/config/config.hpp"
#include "muster/core/explained.hpp"
#include "muster/core/settings.hpp"

namespace muster::daemon {

/// What a request is explained by: the configuration as it is now.
struct ExplainedBy {
    const core::Settings& settings;
    const config::Places& places;
};

/// The address-of-record that it is about, as printed; empty when it names none of ours.
std::string aor_of(const core::Explained& explained, const core::Settings& settings);

/// Credentials, keys and nonces are left out; of texts that others chose bytes that are no UTF-8 are "?".
boost::json::object explained_json(const core::Explained& explained, const ExplainedBy& by);

/// The rule, in words: "rule", "rfc", "step", "meaning"; null where there is none.
boost::json::object rule_json(std::string_view rule);

}  // namespace muster::daemon
