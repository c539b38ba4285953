#pragma once
// Single values of the file: what their text means, and what to say when it means nothing.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "keys.hpp"
#include "muster/config/config.hpp"

namespace muster::config {

/// A host name in lower case without a trailing dot, or an IP address in its usual form, IPv6 without brackets.
std::optional<std::string> read_host(std::string_view text);

/// An https URL, or an http URL of a loopback address or "localhost"; without user, password and fragment.
std::optional<WebUrl> read_web_url(std::string_view text);

/// What the key wants, for people: "a duration such as 30s, 5m or 1h".
std::string expected(const Key& key);

/// True if `text` is a value of the key. Says nothing of maps and lists, nor whether a file can be read.
bool fits(const Key& key, std::string_view text);

}  // namespace muster::config
