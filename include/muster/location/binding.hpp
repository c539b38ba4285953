#pragma once
// A binding, and the record of all bindings of one address-of-record (RFC 3261 s10).

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "muster/base/now.hpp"

namespace muster::location {

/// One binding as views: into a Record, or into the REGISTER that is about to make it.
struct Binding {
    std::string_view contact;      ///< the URI as sent, without angle brackets
    std::string_view params;       ///< further Contact parameters as sent, without expires and q: `;+sip.instance="<...>"`
    std::string_view call_id;
    std::string_view instance_id;  ///< +sip.instance without quotes and angle brackets; empty when absent
    std::string_view path;         ///< Path values in order, comma separated; empty when none (RFC 3327)
    std::string_view user_agent;
    std::string_view flow;         ///< base::Flow::encode() of where the REGISTER came from
    std::uint32_t cseq = 0;
    std::uint32_t reg_id = 0;      ///< 0 unless Outbound applies (RFC 5626)
    std::uint32_t interval = 0;    ///< seconds granted; 0: never expires (made by an administrator)
    std::uint16_t q = 1000;        ///< thousandths
    bool has_q = false;            ///< the client gave a q
    base::Mono expires_at{};       ///< ignored when interval is 0
    base::Mono updated_at{};       ///< last accepted REGISTER: the later one comes first among equal q

    bool is_expired(base::Mono now) const { return interval != 0 && now >= expires_at; }
    /// Whole seconds left, rounded up, at least 1; 0 for one that never expires.
    std::uint32_t seconds_left(base::Mono now) const;
};

/// The bindings of one AOR at one version: an immutable block of text, shared by all who look.
/// The text is what the store keeps. Times in it are counted from `base`, the moment of the change, so that
/// the block is the same in memory, where `base` is monotonic, and on disk, where the wall time stands beside it.
class Record {
public:
    Record() = default;

    /// Builds the block. Nothing in `bindings` may be expired at `base`.
    static Record encode(std::uint64_t version, base::Mono base, std::span<const Binding> bindings);
    /// A block from the store; empty if it is damaged.
    static std::optional<Record> from_text(std::uint64_t version, base::Mono base, std::string_view text);

    std::uint64_t version() const { return version_; }
    base::Mono base() const { return base_; }
    std::string_view text() const { return {block_.get(), size_}; }
    bool empty() const { return size_ == 0; }
    /// The same block once the store has given the change its version.
    Record at_version(std::uint64_t version) const {
        Record same = *this;
        same.version_ = version;
        return same;
    }

    /// Appends all bindings, expired ones too; they view this record's block, which must outlive them.
    void decode(std::vector<Binding>& out) const;
    /// Appends those not expired at `now`, in the order of an answer: q descending, then most recent first.
    void current(base::Mono now, std::vector<Binding>& out) const;
    /// The earliest expiry; empty when none expires.
    std::optional<base::Mono> next_expiry() const;

private:
    std::uint64_t version_ = 0;
    base::Mono base_{};
    std::uint32_t size_ = 0;
    std::shared_ptr<const char[]> block_;
};

/// q descending, then most recent first.
void sort_for_answer(std::vector<Binding>& bindings);

}  // namespace muster::location
