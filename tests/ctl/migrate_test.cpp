// Tables of other registrars become the lines that the daemon takes.

#include "migrate.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <stdexcept>

namespace muster::ctl {
namespace {

class Migrate : public testing::Test {
protected:
    Migrate() {
        ::setenv("TZ", "UTC", 1);
        ::tzset();
    }
    static std::string lines(std::string_view dump) { return lines_of_dump(dump, "example.com"); }
    static std::string why_not(std::string_view dump) try {
        return lines(dump);
    } catch (const std::runtime_error& error) {
        return error.what();
    }
};

constexpr const char* alice = R"({"account":{"username":"alice","domain":"example.org","ha1":"0123"}})"
                              "\n";

TEST_F(Migrate, TakesAnSqliteDump) {
    EXPECT_EQ(lines("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n"
                    "CREATE TABLE subscriber (\n    id INTEGER PRIMARY KEY NOT NULL,\n"
                    "    username VARCHAR(64) DEFAULT '' NOT NULL,\n    domain VARCHAR(64) DEFAULT '' NOT NULL,\n"
                    "    password VARCHAR(64) DEFAULT '' NOT NULL,\n    ha1 VARCHAR(128) DEFAULT '' NOT NULL,\n"
                    "    CONSTRAINT subscriber_account_idx UNIQUE (username, domain)\n);\n"
                    "INSERT INTO subscriber VALUES(1,'alice','example.org','','0123');\n"
                    "INSERT INTO version VALUES('subscriber','7');\nCOMMIT;\n"),
              alice);
}

TEST_F(Migrate, TakesADumpOfMysql) {
    EXPECT_EQ(lines("-- MySQL dump 10.19\n/*!40101 SET NAMES utf8 */;\n"
                    "CREATE TABLE `subscriber` (\n  `id` int(10) unsigned NOT NULL AUTO_INCREMENT,\n"
                    "  `username` varchar(64) NOT NULL DEFAULT '',\n  `domain` varchar(64) NOT NULL,\n"
                    "  `ha1` varchar(128) NOT NULL DEFAULT '',\n  PRIMARY KEY (`id`),\n"
                    "  UNIQUE KEY `account_idx` (`username`,`domain`)\n) ENGINE=InnoDB AUTO_INCREMENT=3;\n"
                    "LOCK TABLES `subscriber` WRITE;\n"
                    "INSERT INTO `subscriber` VALUES (1,'alice','example.org','0123'),(2,'o\\'hara',NULL,'4567');\n"),
              alice + std::string(R"({"account":{"username":"o'hara","ha1":"4567","domain":"example.com"}})"
                                  "\n"));
}

TEST_F(Migrate, TakesADumpOfPostgresql) {
    EXPECT_EQ(lines("COPY public.version (table_name, table_version) FROM stdin;\nsubscriber\t7\n\\.\n\n"
                    "COPY public.subscriber (id, username, domain, password, ha1) FROM stdin;\n"
                    "1\talice\texample.org\t\t0123\n2\tback\\\\slash\t\\N\t\t4567\n\\.\n\nSELECT 1;\n"),
              alice + std::string(R"({"account":{"username":"back\\slash","ha1":"4567","domain":"example.com"}})"
                                  "\n"));
}

TEST_F(Migrate, TakesTimesAsEachWritesThem) {
    for (const char* expires : {"1795306688", "'2026-11-22 00:18:08'", "2461366.5125926"})
        EXPECT_EQ(lines(std::string("INSERT INTO location (username,contact,expires,q,cseq) VALUES ('alice',"
                                    "'sip:alice@192.0.2.4',") +
                        expires + ",0.5,2);"),
                  R"({"binding":{"username":"alice","contact":"sip:alice@192.0.2.4","expires":1.795306688E9,"q":5E-1,)"
                  R"("cseq":2E0,"domain":"example.com"}})"
                  "\n")
            << expires;
}

TEST_F(Migrate, QuotesAsEachWritesThem) {
    const std::string said = R"("username":"o'\\n","domain":"example.com")";
    EXPECT_NE(lines("INSERT INTO subscriber (username) VALUES ('o''\\n');").find(said), std::string::npos);
    EXPECT_NE(lines("INSERT INTO `subscriber` (`username`) VALUES ('o\\'\\\\n');").find(said), std::string::npos);
}

TEST_F(Migrate, SaysWhatItCannotRead) {
    EXPECT_EQ(why_not("CREATE TABLE other (a);"), "neither a table subscriber nor a table location in it");
    EXPECT_EQ(why_not("\nINSERT INTO subscriber VALUES (1);"),
              "line 2: rows of subscriber before its columns are named");
    EXPECT_EQ(why_not("INSERT INTO subscriber (a, b) VALUES (1);"),
              "line 1: a row of subscriber has not as many values as it has columns");
    EXPECT_EQ(why_not("INSERT INTO subscriber (a) VALUES ('open"), "line 1: a quoted text without an end");
    EXPECT_EQ(why_not("INSERT INTO subscriber (a) VALUES (1"), "line 1: expected a closing parenthesis");
    EXPECT_NE(why_not("INSERT INTO subscriber (a) VALUES (1) 2"), "");
    EXPECT_NE(why_not(""), "");
}

/// Whatever is cut off or changed: lines, or a reason, and an end.
TEST_F(Migrate, ComesToAnEndWithWhatIsBroken) {
    const std::string whole =
        "-- MySQL dump\nCREATE TABLE `location` (`a` int, `username` text, KEY (`a`));\n"
        "INSERT INTO `location` VALUES (1,'x\\'y'),(f(2,(3)),NULL);\nCOPY subscriber (username) FROM "
        "stdin;\nbob\n\\.\n";
    for (std::size_t length = 0; length < whole.size(); ++length) {
        why_not(std::string_view(whole).substr(0, length));
        for (char c : {'\'', '(', ')', '`', ';', '\0', '*', '/'}) {
            auto changed = whole;
            changed[length] = c;
            why_not(changed);
        }
    }
    EXPECT_NE(lines(whole).find("x'y"), std::string::npos);
}

TEST_F(Migrate, TakesADatabase) {
    std::string folder = (std::filesystem::temp_directory_path() / "muster-migrate-XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    const auto path = folder + "/kamailio.sqlite";
    EXPECT_FALSE(is_database(path));
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database,
                           "CREATE TABLE subscriber (username, domain, ha1);"
                           "INSERT INTO subscriber VALUES ('alice', 'example.org', '0123')",
                           nullptr, nullptr, nullptr),
              SQLITE_OK);
    sqlite3_close(database);
    EXPECT_TRUE(is_database(path));
    EXPECT_EQ(lines_of_database(path, "example.com"), alice);
    EXPECT_THROW(lines_of_database(folder + "/none", "example.com"), std::runtime_error);
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace muster::ctl
