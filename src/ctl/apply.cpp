#include "apply.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>

namespace muster::ctl {
namespace {

[[noreturn]] void fail(const std::string& path) { throw std::runtime_error(path + ": " + std::strerror(errno)); }

/// Open for as long as it lives.
class File {
public:
    File(const std::string& path, int flags, mode_t mode = 0)
        : path_(path), number_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {
        if (number_ < 0) fail(path);
    }
    ~File() { ::close(number_); }
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    void write(std::string_view text) const {
        while (!text.empty()) {
            const auto count = ::write(number_, text.data(), text.size());
            if (count < 0) fail(path_);
            text.remove_prefix(static_cast<std::size_t>(count));
        }
    }
    void belong_as(const struct stat& other) const {
        if (::fchmod(number_, other.st_mode & 07777) != 0 || ::fchown(number_, other.st_uid, other.st_gid) != 0)
            fail(path_);
    }
    void sync() const {
        if (::fsync(number_) != 0) fail(path_);
    }

private:
    const std::string& path_;
    int number_;
};

void sync_folder_of(const std::string& path) {
    const auto folder = std::filesystem::path(path).parent_path().string();
    File(folder, O_RDONLY | O_DIRECTORY).sync();
}

void rename(const std::string& from, const std::string& to) {
    if (std::rename(from.c_str(), to.c_str()) != 0) fail(to);
}

}  // namespace

void replace_configuration(const std::string& path, const std::string& text) {
    struct stat old {};
    if (::stat(path.c_str(), &old) != 0) fail(path);
    const auto fresh = path + ".new", former = path + ".bak";
    ::unlink(fresh.c_str());
    try {
        File file(fresh, O_WRONLY | O_CREAT | O_EXCL, 0600);
        file.write(text);
        file.belong_as(old);
        file.sync();
    } catch (...) {
        ::unlink(fresh.c_str());
        throw;
    }
    ::unlink(former.c_str());
    if (::link(path.c_str(), former.c_str()) != 0) fail(former);
    rename(fresh, path);
    sync_folder_of(path);
}

void restore_configuration(const std::string& path) {
    rename(path + ".bak", path);
    sync_folder_of(path);
}

}  // namespace muster::ctl
