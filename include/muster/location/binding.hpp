#pragma once
// A binding, and the record of all bindings of one address-of-record (RFC 3261 s10).

#include <atomic>
#include <boost/container/small_vector.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "muster/base/now.hpp"

namespace muster::location {

/// One binding as views: into a Record, or into the REGISTER that is about to make it.
struct Binding {
    std::string_view contact;  ///< the URI as sent, without angle brackets
    std::string_view params;   ///< further Contact parameters as sent, without expires and q: `;+sip.instance="<...>"`
    std::string_view call_id;
    std::string_view instance_id;  ///< +sip.instance without quotes and angle brackets; empty when absent
    std::string_view path;         ///< Path values in order, comma separated; empty when none (RFC 3327)
    std::string_view user_agent;
    std::string_view flow;  ///< base::Flow::encode() of where the REGISTER came from
    std::uint32_t cseq = 0;
    std::uint32_t reg_id = 0;      ///< 0 unless Outbound applies (RFC 5626)
    std::uint32_t interval = 0;    ///< seconds granted; 0: never expires (made by an administrator)
    std::uint64_t gruu_epoch = 0;  ///< of the temporary GRUUs of its instance that are valid; 0: none (RFC 5627)
    std::uint16_t q = 1000;        ///< thousandths
    bool has_q = false;            ///< the client gave a q
    base::Mono expires_at{};       ///< ignored when interval is 0
    base::Mono updated_at{};       ///< last accepted REGISTER: the later one comes first among equal q

    bool is_expired(base::Mono now) const { return interval != 0 && now >= expires_at; }
    /// Whole seconds left, rounded up, at least 1; 0 for one that never expires.
    std::uint32_t seconds_left(base::Mono now) const;
};

/// Few devices share an AOR: that many bindings need no memory of the heap.
using Bindings = boost::container::small_vector<Binding, 3>;

/// The bindings of one AOR at one version: an immutable block of text, shared by all who look.
/// The text is what the store keeps. Times in it are counted from `base`, the moment of the change, so that
/// the block is the same in memory, where `base` is monotonic, and on disk, where the wall time stands beside it.
/// A Record is one pointer to a counted block that holds the AOR as well: an AOR of the table is this block and nothing
/// else. Copying a Record copies no text.
class Record {
public:
    Record() = default;
    Record(const Record& other) noexcept : block_(other.block_) {
        if (block_) block_->owners.fetch_add(1, std::memory_order_relaxed);
    }
    Record(Record&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
    Record& operator=(Record other) noexcept {
        std::swap(block_, other.block_);
        return *this;
    }
    ~Record();

    /// Builds the block. Nothing in `bindings` may be expired at `base`. No bindings: an empty record of that version.
    static Record encode(std::string_view aor, std::uint64_t version, base::Mono base,
                         std::span<const Binding> bindings);
    /// A block from the store; empty if it is damaged.
    static std::optional<Record> from_text(std::string_view aor, std::uint64_t version, base::Mono base,
                                           std::string_view text);

    std::string_view aor() const { return block_ ? block_->aor() : std::string_view{}; }
    std::uint64_t version() const { return block_ ? block_->version : 0; }
    /// The version is known only after the commit of text(): to be set before the record is shared with any reader.
    void set_version(std::uint64_t version) {
        if (block_) block_->version = version;
    }
    base::Mono base() const { return block_ ? block_->base : base::Mono{}; }
    std::string_view text() const { return block_ ? block_->text() : std::string_view{}; }
    bool empty() const { return text().empty(); }
    /// Number of bindings, expired ones too; counted in the text.
    std::size_t size() const;

    /// Appends all bindings, expired ones too; they view this record's block, which must outlive them.
    void decode(Bindings& out) const;
    /// Appends those not expired at `now`, in the order of an answer: q descending, then most recent first.
    void current(base::Mono now, Bindings& out) const;
    /// The earliest expiry, up to a second late, without a look at the text; empty when none expires.
    std::optional<base::Mono> next_expiry() const;

private:
    /// Right behind it stand the AOR, the text, and the unescaped form of values that need one.
    struct Block {
        static constexpr std::uint32_t never = 0xffff'ffffU;

        std::atomic<std::uint32_t> owners{1};
        std::uint32_t aor_length = 0;
        std::uint32_t length = 0;        ///< of the text
        std::uint32_t lifetime = never;  ///< seconds from `base` until the first expiry, rounded up
        std::uint64_t version = 0;
        base::Mono base{};

        const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
        std::string_view aor() const { return {bytes(), aor_length}; }
        std::string_view text() const { return {bytes() + aor_length, length}; }
        void expires_at(base::Mono at);
    };
    explicit Record(Block* block) : block_(block) {}
    static Record make(std::string_view aor, std::uint64_t version, base::Mono base, std::string_view text);

    Block* block_ = nullptr;
};

/// q descending, then most recent first.
void sort_for_answer(std::span<Binding> bindings);

}  // namespace muster::location
