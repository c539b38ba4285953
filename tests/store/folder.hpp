#pragma once
// Where the tests of the store keep their files.

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <string>

namespace muster::store::test {

/// A folder of its own that goes with the test; in memory where there is one, since no test needs a real sync.
class Folder {
public:
    Folder() {
        namespace fs = std::filesystem;
        const auto parent = fs::exists("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path();
        std::string name = (parent / "muster-store-XXXXXX").string();
        if (!mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
        path_ = name;
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    std::string file(const char* name = "muster.db") const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

}  // namespace muster::store::test
