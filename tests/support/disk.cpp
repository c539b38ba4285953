#include "support/disk.hpp"

#include <algorithm>
#include <utility>

namespace muster::test {
namespace {

constexpr std::size_t sector = 512;

bool is_log(const std::string& name) { return name.ends_with("-wal"); }
bool is_database(const std::string& name) { return !name.empty() && !is_log(name) && !name.ends_with("-journal"); }

}  // namespace

// Faults.

void Disk::fail_at(int nth, Fault fault, bool lasting) {
    until_fault_ = nth;
    due_ = false;
    fault_ = fault;
    lasting_ = lasting;
}

void Disk::heal() {
    until_fault_ = 0;
    due_ = false;
    percent_ = 0;
    room_ = -1;
}

bool Disk::is_well() const { return until_fault_ == 0 && !due_ && percent_ == 0 && room_ < 0; }

bool Disk::fails(Operation operation) {
    if (looks_ > 0) return false;
    if (until_fault_ > 0 && --until_fault_ == 0) due_ = true;
    const auto wanted = fault_ == Fault::sync_error   ? operation == Operation::sync
                        : fault_ == Fault::open_error ? operation == Operation::open
                                                      : operation < Operation::sync;
    const bool hit = due_ && wanted;
    if (hit && !lasting_) due_ = false;
    if (!hit && (percent_ == 0 || !random_.chance(percent_))) return false;
    ++struck_;
    return true;
}

// The end.

void Disk::end_at(End end, From from, int nth) {
    end_ = end;
    from_ = from;
    until_end_ = nth;
}

void Disk::end(End end) {
    if (std::exchange(ended_, true)) return;
    end_ = end;
}

/// One operation, of that kind: true if the end comes in it.
bool Disk::ends(From event) {
    if (looks_ > 0) return false;
    ++counters_.operations;
    if (until_end_ == 0) return false;
    if (event == from_) from_ = From::now;
    if (from_ != From::now || --until_end_ > 0) return false;
    return ended_ = true;
}

void Disk::restart() {
    std::map<std::string, Entry> found;
    for (auto& [name, entry] : folder_) {
        auto next = std::make_shared<File>();
        next->name = name;
        if (end_ == End::kill) {
            if (!entry.cached) next.reset();
            if (next) {
                next->cache = std::move(entry.cached->cache);
                next->platter = std::move(entry.cached->platter);
                next->since = std::move(entry.cached->since);
            }
            found[name] = {next, entry.durable == entry.cached ? next : entry.durable};
            continue;
        }
        const auto& kept = entry.cached == entry.durable || random_.chance(50) ? entry.cached : entry.durable;
        if (!kept) continue;
        next->cache = next->platter = what_is_left(*kept);
        found[name] = {next, next};
    }
    folder_ = std::move(found);
    ended_ = false;
    until_end_ = 0;
}

/// All of what was not synced has reached the disk, or nothing, or what came before some moment, or sectors at random.
std::string Disk::what_is_left(const File& file) {
    auto left = file.platter;
    const auto way = random_.below(4);
    const auto count = file.since.size();
    const auto whole = way == 0   ? count
                       : way == 1 ? std::size_t{0}
                                  : static_cast<std::size_t>(random_.below(count + 1));
    for (std::size_t i = 0; i < count; ++i) {
        const auto& write = file.since[i];
        if (i < whole && way != 3) {
            apply(write, left);
            continue;
        }
        if (way < 2 || (way == 2 && i > whole)) {
            counters_.lost += count - i;
            break;
        }
        if (write.is_end && random_.chance(50)) apply(write, left);
        std::size_t sectors = 0, written = 0;
        for (std::size_t at = 0; at < write.bytes.size(); ++sectors) {  // torn
            const auto size = std::min(sector - (write.offset + at) % sector, write.bytes.size() - at);
            if (random_.chance(50)) {
                apply({write.offset + at, write.bytes.substr(at, size)}, left);
                ++written;
            }
            at += size;
        }
        counters_.torn += written > 0 && written < sectors;
        counters_.lost += written == 0;
    }
    return left;
}

// Files.

void Disk::apply(const Write& write, std::string& to) {
    if (write.is_end) return to.resize(write.offset);
    to.resize(std::max(to.size(), write.offset + write.bytes.size()));
    to.replace(write.offset, write.bytes.size(), write.bytes);
}

void Disk::apply(File& file, Write write) {
    const auto before = file.cache.size();
    apply(write, file.cache);
    if (room_ >= 0) room_ -= static_cast<std::int64_t>(file.cache.size()) - static_cast<std::int64_t>(before);
    if (!file.name.empty()) file.since.push_back(std::move(write));
}

Disk::FilePtr Disk::open(const std::string& name, bool create) {
    if (name.empty()) return std::make_shared<File>();
    if (!ended_ && fails(Operation::open)) return nullptr;
    auto& entry = folder_[name];
    if (!entry.cached && create) {
        entry.cached = std::make_shared<File>();
        entry.cached->name = name;
        if (is_database(name)) entry.durable = entry.cached;  // the store syncs the folder when it makes one
    }
    return entry.cached;
}

Disk::Done Disk::write(File& file, std::size_t offset, std::string_view bytes) {
    if (ended_) return Done::yes;
    const bool starts_over = is_log(file.name) && offset == 0 && !file.cache.empty() && !file.cache.starts_with(bytes);
    counters_.start_overs += starts_over;
    const auto event = starts_over ? From::start_over : is_database(file.name) ? From::checkpoint : From::now;
    if (!file.name.empty() && ends(event)) {
        apply(file, {offset, std::string(bytes.substr(0, random_.below(bytes.size() + 1)))});
        return Done::yes;
    }
    if (!file.name.empty() && fails(Operation::write)) {
        apply(file, {offset, std::string(bytes.substr(0, bytes.size() / 2))});
        return fault_ == Fault::disk_full ? Done::full : Done::error;
    }
    if (const auto fits = static_cast<std::size_t>(std::max<std::int64_t>(room_, 0));
        room_ >= 0 && looks_ == 0 && offset + bytes.size() > file.cache.size() + fits) {
        ++struck_;
        const auto end = file.cache.size() + fits;
        if (end > offset) apply(file, {offset, std::string(bytes.substr(0, end - offset))});
        return Done::full;
    }
    apply(file, {offset, std::string(bytes)});
    return Done::yes;
}

Disk::Done Disk::truncate(File& file, std::size_t size) {
    if (ended_ || (!file.name.empty() && ends(From::now))) return Done::yes;
    if (!file.name.empty() && fails(Operation::truncate)) return Done::error;
    apply(file, {size, {}, true});
    return Done::yes;
}

Disk::Done Disk::sync(File& file, unsigned& heard) {
    if (ended_ || file.name.empty() || ends(From::now)) return Done::yes;
    if (fails(Operation::sync)) {
        ++file.failed_syncs;
        file.platter = what_is_left(file);
        file.since.clear();
    }
    if (std::exchange(heard, file.failed_syncs) != file.failed_syncs) return Done::error;
    if (kind_ == Kind::lying) return Done::yes;
    for (const auto& write : file.since) apply(write, file.platter);
    file.since.clear();
    if (auto& entry = folder_[file.name]; entry.cached.get() == &file) entry.durable = entry.cached;
    return Done::yes;
}

bool Disk::remove(const std::string& name, bool durably) {
    if (!exists(name)) return false;
    if (ended_) return true;
    auto& entry = folder_[name];
    if (room_ >= 0) room_ += static_cast<std::int64_t>(entry.cached->cache.size());
    entry.cached.reset();
    if (durably) entry.durable.reset();
    return true;
}

void Disk::write_back() {
    for (auto& [name, entry] : folder_) {
        entry.durable = entry.cached;
        if (!entry.cached) continue;
        entry.cached->platter = entry.cached->cache;
        entry.cached->since.clear();
    }
}

void Disk::copy(const std::string& from, const std::string& to) {
    if (!exists(from)) return;
    auto file = std::make_shared<File>();
    file->name = to;
    file->cache = file->platter = folder_.at(from).cached->cache;
    folder_[to] = {file, file};
}

std::size_t Disk::size(const std::string& name) const {
    return exists(name) ? folder_.at(name).cached->cache.size() : 0;
}

}  // namespace muster::test
