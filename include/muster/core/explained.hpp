#pragma once
// What became of the latest requests of one worker, and by which rule: what `musterctl explain` tells.

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "muster/base/flow.hpp"
#include "muster/base/now.hpp"
#include "muster/location/binding.hpp"
#include "muster/sip/message.hpp"

namespace muster::core {

/// How a sender has shown who it is.
enum class Shown : std::uint8_t {
    nothing,
    guess,        ///< credentials that were judged and did not hold
    digest,       ///< the right password
    certificate,  ///< of TLS
    network,      ///< it comes from one that the domain trusts
};

/// One request as it was judged.
struct Explained {
    static constexpr std::size_t most_bytes = 4'096;     ///< of the request, and of each record, that are kept
    static constexpr std::size_t most_contacts = 32;     ///< of a look-up
    static constexpr std::size_t most_of_contact = 512;  ///< bytes of one of them

    /// What a look-up found.
    struct Contact {
        std::string uri;
        std::string way;         ///< the flow or the Path that leads there; empty: its URI
        std::uint16_t q = 1000;  ///< thousandths
        std::string_view why{};  ///< left out for this reason, a literal; empty: a target
    };

    std::uint64_t id = 0;  ///< its worker is in the lowest 8 bits
    base::Now at;          ///< when it was answered, or passed on
    base::Flow flow;
    sip::Method method = sip::Method::other;
    Shown shown = Shown::nothing;
    bool is_sent = true;      ///< false: the answer was too large for a datagram of a stranger, or one too many
    bool is_changed = false;  ///< bindings were
    int status = 0;           ///< 0: silence, or passed on and not answered yet
    std::string_view reason;  ///< a literal; empty when the status came from somebody else
    std::string_view rule;    ///< which rule decided, a literal (rules.hpp)
    std::string detail;       ///< what the answer says beside its status, as header fields
    /// The request as it came, to the end of its header fields, or the beginning of that. It holds credentials: never
    /// to be shown as it is.
    std::string request;
    std::string aor;                   ///< canonical, of the account; empty when it was not looked for
    location::Record before, after;    ///< of a REGISTER; `after` only when it was accepted. Empty when too large
    std::vector<std::string> evicted;  ///< contacts that had to make room
    std::vector<Contact> contacts;     ///< of a look-up: the targets in order, then who was left out
};

/// The latest ones in fixed memory; in steady state nothing is allocated but what texts grow by. Those who have shown
/// who they are, wrong passwords and strangers have a part each, so that no flood of the latter pushes the others out.
class Explanations {
public:
    enum class Part : std::uint8_t { accepted, refused, guesses, strangers };
    static constexpr std::size_t parts = 4;

    /// Keeps `capacity` requests, a quarter in each part. 0: none.
    Explanations(std::uint32_t worker, std::size_t capacity) : worker_(worker), size_((capacity + parts - 1) / parts) {}

    bool is_on() const { return size_ != 0; }
    /// Room for one more, which is_on() must allow; the oldest of its part goes. What it held is to be overwritten.
    /// Throws std::bad_alloc.
    Explained& add(Part part);
    /// What is under that id; null when it has gone.
    Explained* find(std::uint64_t id);
    /// Of each part the newest first, until `sink` returns false for that part.
    void each(const std::function<bool(const Explained&)>& sink) const;

private:
    struct Ring {
        std::vector<Explained> kept;
        std::uint64_t count = 0;  ///< that were ever added
    };
    std::uint32_t worker_;
    std::size_t size_;  ///< of a part
    std::array<Ring, parts> rings_;
};

}  // namespace muster::core
