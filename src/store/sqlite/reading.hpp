#pragma once
// Reads all that is stored, on every core.

#include <array>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <limits>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "row.hpp"
#include "session.hpp"

namespace muster::store::sqlite {

/// A key by two keyed hashes: that two keys share 128 bits is rarer than any fault of the disk.
struct Fingerprint {
    std::uint64_t first = 0, second = 0;
    friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};
Fingerprint fingerprint(int kind, std::string_view key, std::uint64_t seed);
std::uint64_t random_seed();

/// The keys met. Larger than the caches: who knows what it will ask next says so before, and does not wait for memory.
class Met {
public:
    void prefetch(const Fingerprint& print) const { __builtin_prefetch(&slots_[home(print)]); }
    /// True if it is new.
    bool add(const Fingerprint& print);

private:
    std::size_t home(const Fingerprint& print) const { return print.first & (slots_.size() - 1); }
    /// Where it is, or the free slot for it.
    Fingerprint& slot(const Fingerprint& print);

    std::vector<Fingerprint> slots_{1'024};  // a power of two; a free one is all zeros
    std::size_t used_ = 0;
};

/// The rows of the log, newest first, then those of the snapshot, in chunks. What a thread reads is split by the part
/// of the tables its keys are for; each part takes its rows in the order of the chunks, on one thread at a time. So the
/// first row met of a key is its newest, the part alone remembers the keys it has met, and a part's rows are taken
/// while other chunks are read. Used once.
class Reading {
public:
    Reading(const SqliteOptions& options, const LogSpan& log, const location::PartOf& part_of,
            const std::function<void(const location::Stored&)>& sink);

    /// Throws Error if nobody can tell whose a damaged row is, or there are too many, and what the sink throws.
    void run();

    std::int64_t aors() const;    ///< with bindings, given to the sink
    std::int64_t newest() const;  ///< of all versions; 0: none
    /// Rows that are not what was written. Nothing of their keys was given to the sink where they are the newest.
    std::vector<DamagedRow> damaged() const;

private:
    static constexpr std::size_t part_count = 16;
    /// A row in a block: this, then key and record.
    struct Row {
        Fingerprint print;
        std::int64_t version, at;
        std::uint32_t key_size, record_size;
        location::ChangeKind kind;
        bool is_whole;
        DamagedRow::Place place;
    };
    struct Chunk {
        std::array<std::string, part_count> rows;
        bool ready = false;
        std::size_t left = 0;  // parts that have not taken theirs; 0: free
    };
    struct Part {
        std::int64_t next = 0;  // chunk
        bool busy = false;
        Met met;
        std::int64_t aors = 0, newest = 0;
        std::vector<DamagedRow> damaged;
    };

    void work();
    Part* part_to_take();
    bool may_read() const;
    bool at_end() const;
    Chunk& slot(std::int64_t chunk) { return chunks_[static_cast<std::size_t>(chunk) % chunks_.size()]; }
    void read(const Connection& connection, Statement& log, std::int64_t number);
    void append(Chunk& chunk, DamagedRow::Place place, Statement& statement, const Connection& connection);
    void must_be_known(const StoredRow& row, DamagedRow::Place place, const Connection& connection);
    template <class F>
    static void each(std::string_view rows, F&& f);
    void take(Part& part, std::string_view rows) const;

    const SqliteOptions& options_;
    const LogSpan log_;
    const location::PartOf& part_of_;
    const std::function<void(const location::Stored&)>& sink_;
    const unsigned threads_;
    const std::int64_t log_rows_, log_chunks_;  // versions in a chunk of the log, and such chunks
    const std::uint64_t seed_;
    Connection snapshot_connection_;
    Statement snapshot_;  // of whoever reads the only chunk of it under way

    std::mutex lock_;
    std::condition_variable wake_;
    std::vector<Chunk> chunks_;  // those under way
    std::array<Part, part_count> parts_;
    std::int64_t next_ = 0;                                        // chunk to read
    std::int64_t end_ = std::numeric_limits<std::int64_t>::max();  // behind the last chunk, when that is known
    bool snapshot_busy_ = false;
    std::size_t damaged_rows_ = 0;
    std::exception_ptr fault_;
};

}  // namespace muster::store::sqlite
