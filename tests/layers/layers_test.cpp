// The order of rooms, held by reading the sources. Each rule is first shown to find what it forbids.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "checker.hpp"

namespace muster::layers {
namespace {

const std::filesystem::path root = MUSTER_SOURCE_DIR;

std::string read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

const Links& declared() {
    static const Links links = read_links(read(root / "CMakeLists.txt"));
    return links;
}

std::vector<std::string> check(std::string_view path, std::string_view text) {
    return check_file(path, text, declared());
}

TEST(Checker, FindsUpwardAndSidewaysIncludes) {
    EXPECT_EQ(check("src/sip/uri.cpp", "#include \"muster/location/table.hpp\"\n").size(), 1u);
    EXPECT_EQ(check("src/auth/nonce.cpp", "#include \"muster/location/table.hpp\"\n").size(), 1u);
    EXPECT_EQ(check("include/muster/store/sqlite.hpp", "  # include <muster/net/worker.hpp>\n").size(), 1u);
    EXPECT_EQ(check("src/base/text.cpp", "#include \"muster/attic/x.hpp\"\n").size(), 1u);
    EXPECT_EQ(check("src/attic/text.cpp", "").size(), 1u);

    EXPECT_TRUE(check("src/registrar/gruu.cpp", "#include \"muster/sip/uri.hpp\"\n").empty());
    EXPECT_TRUE(check("src/registrar/gruu.cpp", "#include \"muster/registrar/policy.hpp\"\n").empty());
}

TEST(Checker, FindsIncludesThatAreNotLinked) {
    const Links links =
        read_links("muster_room(base)\nmuster_room(sip DEPENDS base)\nmuster_room(location DEPENDS base)\n");
    EXPECT_EQ(check_file("src/location/table.cpp", "#include \"muster/sip/aor.hpp\"\n", links).size(), 1u);
    EXPECT_TRUE(check_file("src/location/table.cpp", "#include \"muster/base/now.hpp\"\n", links).empty());
}

TEST(Checker, FindsPrivateHeadersOfOthers) {
    EXPECT_EQ(check("src/auth/digest.cpp", "#include \"../sip/scan.hpp\"\n").size(), 1u);
    EXPECT_EQ(check("src/auth/digest.cpp", "#include \"sip/scan.hpp\"\n").size(), 1u);
    EXPECT_EQ(check("include/muster/auth/digest.hpp", "#include \"hash.hpp\"\n").size(), 1u);
    EXPECT_TRUE(check("src/auth/digest.cpp", "#include \"hash.hpp\"\n").empty());
}

TEST(Checker, FindsImpureLibrariesInPureRooms) {
    for (std::string_view name : {"boost/asio/ip/udp.hpp", "sqlite3.h", "spdlog/spdlog.h", "yaml-cpp/yaml.h", "thread",
                                  "fstream", "sys/socket.h", "mutex", "atomic", "openssl/evp.h"})
        EXPECT_EQ(check("src/core/core.cpp", "#include <" + std::string(name) + ">\n").size(), 1u) << name;
    EXPECT_TRUE(check("src/auth/hash.cpp", "#include <openssl/evp.h>\n").empty());
    EXPECT_TRUE(check("src/location/table.cpp", "#include <shared_mutex>\n").empty());
    EXPECT_FALSE(check("src/location/binding.cpp", "#include <shared_mutex>\n").empty());
}

TEST(Checker, FindsClocksInPureRoomsButNotInComments) {
    EXPECT_EQ(check("src/registrar/policy.cpp", "auto t = std::chrono::steady_clock::now();\n").size(), 1u);
    EXPECT_TRUE(check("src/registrar/policy.cpp", "// never Clock::now()\n/* std::thread */\n").empty());
    EXPECT_TRUE(check("src/registrar/policy.cpp", "auto s = \"::now()\\\"::now()\"; auto n = 1'000;\n").empty());
    EXPECT_EQ(check("src/registrar/policy.cpp", "int n = 1'000; auto t = Clock::now();\n").size(), 1u);
    EXPECT_TRUE(check("src/net/worker.cpp", "auto t = std::chrono::steady_clock::now();\n").empty());
}

TEST(Checker, FindsHeavyHeadersInDoors) {
    EXPECT_EQ(check("include/muster/net/worker.hpp", "#include <boost/asio.hpp>\n").size(), 1u);
    EXPECT_TRUE(check("src/net/udp.hpp", "#include <boost/asio.hpp>\n").empty());
}

TEST(Checker, FindsTemporariesThatCompilersDestroyTwice) {
    EXPECT_EQ(check("src/net/tcp.cpp", "co_await co_spawn(ex, [self]() -> awaitable<void> {});\n").size(), 1u);
    EXPECT_EQ(check("src/net/tcp.cpp", "co_await send(\n    Answer{200, text});\n").size(), 1u);
    EXPECT_EQ(check("src/net/tcp.cpp", "co_await send({200, text});\n").size(), 1u);
    EXPECT_TRUE(check("src/net/tcp.cpp", "auto fn = [self] {};\nco_await run(std::move(fn));\n").empty());
    EXPECT_TRUE(check("src/net/tcp.cpp", "co_await run(list[3], error_code{}, [] { return 1; });\n").empty());
}

TEST(Checker, FindsFormatsThatAreNoLiterals) {
    for (const char* call : {"printf(text);", "std::printf(text.c_str());", "std::fprintf(stderr, text.c_str());",
                             "snprintf(out, sizeof(out), format, 1);", "syslog(LOG_ERR, text);", "vfprintf(f, fmt, a);",
                             "fprintf(stderr, (\"a\" + text).c_str());", "sqlite3_mprintf(sql, key);"})
        EXPECT_EQ(check("src/net/tcp.cpp", call).size(), 1u) << call;
    for (const char* call : {"printf(\"%s\", text);", "std::fprintf(stderr, \"(%d,\\\"%s\", 1, text);",
                             "snprintf(out, max(1, 2), \"%d\", 1);", "// printf(text)", "my_printf_like(text);"})
        EXPECT_TRUE(check("src/net/tcp.cpp", call).empty()) << call;
}

TEST(Checker, FindsSqlThatIsPutTogether) {
    for (const char* code :
         {"auto s = \"DELETE FROM log WHERE key = '\" + key + \"'\";", "s += \"SELECT x\";",
          "auto s = std::string(\"DELETE FROM log WHERE seq > \").append(key);", "out << \"UPDATE log SET x\";",
          "Statement s(c, \"SELECT \"\n  \"x FROM \" + table);", "db.must((a + b).c_str());", "db.run(sql.c_str());",
          "sqlite3_exec(db, fmt::format(a, b), nullptr, nullptr, nullptr);", "auto s = \"DROP TABLE \" NAME;"})
        EXPECT_GE(check("src/store/sqlite/x.cpp", code).size(), 1u) << code;
    for (const char* code : {"Statement s(c, \"SELECT a \"\n  \"FROM b WHERE c = ?\");", "db.must(\"BEGIN\");",
                             "// \"DELETE FROM log\" + key", "auto s = \"selected \" + key;",
                             "found(c, is_log ? \"SELECT 1\" : \"SELECT 2\");", "db.must(migrations()[next]);"})
        EXPECT_TRUE(check("src/store/sqlite/x.cpp", code).empty()) << code;
}

TEST(Checker, FindsUpwardLinks) {
    EXPECT_EQ(check_links(read_links("muster_room(sip DEPENDS core)\nmuster_room(core)\n")).size(), 1u);
    EXPECT_EQ(check_links(read_links("muster_room(auth DEPENDS location)\nmuster_room(location)\n")).size(), 1u);
}

TEST(Layers, DeclaredLinksLeadDown) {
    for (std::string_view room : {"base", "sip", "auth", "transaction", "location", "registrar", "core", "net", "store",
                                  "admin", "config", "daemon", "ctl"})
        EXPECT_TRUE(declared().contains(room)) << "not read from CMakeLists.txt: " << room;
    for (const auto& sentence : check_links(declared())) ADD_FAILURE() << sentence;
}

TEST(Layers, EverySourceKeepsTheOrder) {
    std::set<std::string> seen;
    for (const char* folder : {"include/muster", "src"}) {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
            const auto extension = entry.path().extension();
            if (!entry.is_regular_file() || (extension != ".hpp" && extension != ".cpp")) continue;
            const auto path = entry.path().lexically_relative(root).generic_string();
            seen.insert(path);
            for (const auto& sentence : check(path, read(entry.path()))) ADD_FAILURE() << path << ": " << sentence;
        }
    }
    EXPECT_TRUE(seen.contains("include/muster/base/now.hpp"));
    EXPECT_GT(seen.size(), 40u);
}

}  // namespace
}  // namespace muster::layers
