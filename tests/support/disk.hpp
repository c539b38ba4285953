#pragma once
// A disk in memory, with the kernel's cache before it. It knows of each file what a sync has covered, fails when told
// to, and at any operation the process may be killed or the power go. One seed, one disk.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/random.hpp"

namespace muster::test {

class Disk {
public:
    /// `lying`: it reports syncs done and does nothing.
    enum class Kind : std::uint8_t { honest, lying };
    explicit Disk(std::uint64_t seed = 1, Kind kind = Kind::honest) : kind_(kind), random_(seed) {}

    // Faults. Writes, truncations, syncs and openings are the operations that count.

    enum class Fault : std::uint8_t { write_error, disk_full, sync_error, open_error };
    /// The `nth` write or truncation from now on fails as `fault` says; a sync or open error: the first one from the
    /// `nth` operation on. `lasting`: so do all after it, until heal(). A failing write has written half of its bytes.
    /// What a failing sync was to cover is partly on the disk and partly never will be, though it can be read.
    void fail_at(int nth, Fault fault, bool lasting);
    /// Each operation fails with this probability, until heal().
    void fail_often(unsigned percent) { percent_ = percent; }
    /// The disk has room for so many bytes more, until heal().
    void has_room_for(std::int64_t bytes) { room_ = bytes; }
    void heal();
    bool is_well() const;
    std::uint64_t struck() const { return struck_; }  ///< so many operations have failed

    /// While it lives, nothing is counted and nothing fails: who tests has a look.
    class Look {
    public:
        explicit Look(Disk& disk) : disk_(disk) { ++disk_.looks_; }
        ~Look() { --disk_.looks_; }
        Look(const Look&) = delete;
        Look& operator=(const Look&) = delete;

    private:
        Disk& disk_;
    };

    // The end of the process, or of the machine.

    /// kill -9 leaves what the kernel has cached. A power cut does not: of what was not synced, each sector of 512
    /// bytes may be on the disk or not; a file that is new and not synced may not be there, one that was removed may.
    enum class End : std::uint8_t { kill, power_cut };
    /// Where the count of operations until the end begins.
    enum class From : std::uint8_t {
        now,
        checkpoint,  ///< the next page written to the database itself
        start_over,  ///< the next time the write-ahead log is written from its beginning again
    };
    /// The end comes in the middle of the `nth` write, truncation or sync counted from there; what the program does
    /// afterwards changes nothing any more.
    void end_at(End end, From from, int nth);
    /// It comes now, unless it has come already.
    void end(End end);
    bool has_ended() const { return ended_; }
    /// The files as the next process finds them. To be called when the last one has closed all. Faults that last stay.
    void restart();

    /// The kernel writes all that it has cached, in its own time.
    void write_back();
    /// Another program copies a file: as it is in the cache.
    void copy(const std::string& from, const std::string& to);
    std::size_t size(const std::string& name) const;

    struct Counters {
        std::uint64_t operations = 0;
        std::uint64_t start_overs = 0;  ///< so often a write-ahead log began anew
        std::uint64_t torn = 0;         ///< writes of which a part was on the disk when the power was back
        std::uint64_t lost = 0;         ///< writes of which nothing was
    };
    const Counters& counters() const { return counters_; }

    // For DiskVfs.

    struct Locks;  ///< SQLite's, of one file
    /// Not synced yet. A truncation has no bytes and `is_end`.
    struct Write {
        std::size_t offset;
        std::string bytes;
        bool is_end = false;
    };
    struct File {
        std::string name;            ///< empty: a temporary one
        std::string cache, platter;  ///< as programs see it; as the last sync made it
        std::vector<Write> since;    ///< what makes the first of the second
        unsigned failed_syncs = 0;   ///< each who has the file open hears of each
        std::shared_ptr<Locks> locks{};
    };
    using FilePtr = std::shared_ptr<File>;
    enum class Done : std::uint8_t { yes, error, full };

    /// Null: a fault, or it is not there and not to be created.
    FilePtr open(const std::string& name, bool create);
    Done write(File& file, std::size_t offset, std::string_view bytes);
    Done truncate(File& file, std::size_t size);
    /// `heard`: the failed syncs that this opener knows of.
    Done sync(File& file, unsigned& heard);
    bool remove(const std::string& name, bool durably);
    bool exists(const std::string& name) const { return folder_.contains(name) && folder_.at(name).cached; }

private:
    /// One name: the file that programs find, and the one that it stands for on the disk. Null: none.
    struct Entry {
        FilePtr cached, durable;
    };
    enum class Operation : std::uint8_t { write, truncate, sync, open };

    static void apply(const Write& write, std::string& to);
    void apply(File& file, Write write);
    std::string what_is_left(const File& file);
    bool fails(Operation operation);
    bool ends(From event);

    Kind kind_;
    Seeded random_;
    std::map<std::string, Entry> folder_;
    Counters counters_;

    int until_fault_ = 0;  // operations; 0: none is planned
    bool due_ = false, lasting_ = false;
    Fault fault_{};
    unsigned percent_ = 0;
    std::int64_t room_ = -1;  // -1: no end
    std::uint64_t struck_ = 0;
    int looks_ = 0;

    int until_end_ = 0;  // operations; 0: none is planned
    From from_ = From::now;
    End end_{};
    bool ended_ = false;
};

}  // namespace muster::test
