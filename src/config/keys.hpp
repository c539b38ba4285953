#pragma once
// The table of keys: what the file may say. Loader, unknown-key detection and JSON Schema all read it.

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace muster::config {

enum class Kind : std::uint8_t {
    map,       ///< its keys are `inside`
    domains,   ///< a map from any host name to what `inside` describes
    list,      ///< of what `inside` describes
    host,      ///< a host name or an IP address
    address,   ///< IP address and port
    network,   ///< IP prefix, or one address
    server,    ///< IP address, with or without a port
    duration,  ///< whole seconds, at least one
    interval,  ///< the same, or 0: never
    count,     ///< a whole number from `least` to `most`
    choice,    ///< one of `choices`
    route,     ///< a SIP URI of a loose router
    path,      ///< of something made when the daemon starts
    file,      ///< a path of something that can be read now
    url_path,  ///< of HTTP: "/sip"
    origin,    ///< of a web page: "https://phone.example.com"
    store,     ///< "sqlite:PATH" or "memory:"
    web_url,   ///< https://..., or http:// to this machine
};

struct Key {
    std::string_view name;
    Kind kind;
    std::string_view meaning;
    std::string_view fallback{};  ///< the value of an absent key, as it would be written; empty: none
    std::string_view choices{};   ///< separated by "|"
    std::span<const Key> inside{};
    std::uint64_t least = 0;
    std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
};

/// The whole file, a map.
const Key& root();

/// The key of that name inside `map`; it must exist.
const Key& key_of(const Key& map, std::string_view name);

}  // namespace muster::config
