#pragma once
// What is on a disk when the power goes: kill -9 leaves the kernel's cache, this does not.

#include <cstdint>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace muster::store::test {

/// Watches the files of FaultVfs while it lives. What the last sync of a file covered is on the disk; of what was
/// written since, each sector of 512 bytes may be or not, in whatever order. A file nobody has synced may not be there
/// at all. Removals are taken to be on the disk at once.
class Power {
public:
    /// What the disk does; `lying`: it reports syncs done and does nothing.
    enum class Disk : std::uint8_t { honest, lying };
    /// Where the count of operations until the cut begins.
    enum class From : std::uint8_t {
        now,
        checkpoint,  ///< the next page written to the database itself
        start_over,  ///< the next time the write-ahead log is written from its beginning again
    };

    explicit Power(Disk disk = Disk::honest);
    ~Power();
    Power(const Power&) = delete;
    Power& operator=(const Power&) = delete;

    /// The power goes before the `nth` write, truncation or sync counted from there; what the program does afterwards
    /// changes nothing any more.
    void cut_at(From from, int nth);
    /// It goes now, unless it has gone already.
    void cut();
    bool is_cut() const;

    /// Makes the files as the disk has them, under the name `database`; what has reached it follows from `random`.
    /// From then on the power is back, and files of other names are nobody's concern.
    void restore(std::mt19937_64& random, const std::string& database);

    std::uint64_t start_overs() const;  ///< so often a write-ahead log began anew

    // For FaultVfs, before it does what they say.
    void opened(const std::string& name);
    void written(const std::string& name, std::int64_t offset, std::string_view bytes);
    void truncated(const std::string& name, std::int64_t size);
    void synced(const std::string& name);
    void removed(const std::string& name);

private:
    /// Not synced yet. A truncation has no bytes and `is_end`.
    struct Write {
        std::size_t offset;
        std::string bytes;
        bool is_end = false;
    };
    struct File {
        bool exists = false;  ///< surely
        std::string synced;
        std::vector<Write> since;
    };
    using Files = std::map<std::string, File>;

    static void apply(const Write& write, std::string& to);
    static std::string what_is_left(const File& file, std::mt19937_64& random);
    void count(From event);

    const Disk disk_;
    mutable std::mutex lock_;
    Files files_;  ///< by path
    Files left_;   ///< as they were at the cut
    bool is_cut_ = false;
    From from_ = From::now;
    int until_ = 0;  ///< operations until the cut; 0: none is planned
    std::uint64_t start_overs_ = 0;
};

}  // namespace muster::store::test
