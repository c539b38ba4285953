// musterctl as a process against a server with a made-up daemon behind it.

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>

#include "muster/admin/codec.hpp"
#include "muster/admin/server.hpp"

namespace muster::admin {
namespace {

struct Result {
    int code = -1;
    std::string out, err;
};

const char* const alice = R"({"aor":"sip:alice@example.com","version":7,"bindings":[)"
                          R"({"contact":"sip:alice@127.0.0.1:5070","expires":3599,"q":"1.0","call_id":"c1","cseq":2,)"
                          R"("user_agent":"evil \u001b[31m","source":"udp:127.0.0.1:5070","live":true,"age":1},)"
                          R"({"contact":"sip:alice@192.0.2.4","expires":null,"path":["<sip:p1;lr>","<sip:p2;lr>"]}]})";

class Ctl : public testing::Test {
protected:
    Ctl() {
        std::string name = (std::filesystem::temp_directory_path() / "muster-ctl-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
    }
    ~Ctl() override {
        server_.reset();
        std::filesystem::remove_all(folder_);
    }

    void serve(Handler handler) { server_ = std::make_unique<Server>(folder_ + "/s", std::move(handler)); }
    /// The same answer to everything; the requests are kept.
    void serve(Reply reply) {
        serve([this, reply = std::move(reply)](Request request, const Answer& answer) {
            keep(std::move(request));
            answer(reply);
        });
    }

    Result run(const std::string& arguments, const std::string& input = "") const {
        return run_bare("--socket '" + folder_ + "/s' " + arguments, input);
    }
    Result complete(const std::string& words) const {
        return run_bare("__complete --socket '" + folder_ + "/s' " + words);
    }

    Result run_bare(const std::string& arguments, const std::string& input = "") const {
        std::ofstream(folder_ + "/in", std::ios::binary) << input;
        std::string command =
            "'" MUSTER_CTL "' " + arguments + " <'" + folder_ + "/in' >'" + folder_ + "/out' 2>'" + folder_ + "/err'";
        int status = std::system(command.c_str());
        return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, slurp("/out"), slurp("/err")};
    }

    std::string slurp(const std::string& name) const {
        std::ifstream in(folder_ + name, std::ios::binary);
        std::ostringstream text;
        text << in.rdbuf();
        return text.str();
    }

    std::string folder_;

    void keep(Request request) {
        std::lock_guard lock(mutex_);
        requests_.push_back(std::move(request));
    }
    std::vector<Request> requests() {
        std::lock_guard lock(mutex_);
        return requests_;
    }

    std::unique_ptr<Server> server_;

private:
    std::mutex mutex_;
    std::vector<Request> requests_;  // guarded
};

TEST_F(Ctl, AWrongCommandLineIsOneLineAndExitCode2) {
    for (auto arguments : {"", "bindings", "bindngs list", "bindings shw a@b", "bindings show", "bindings show a@b c@d",
                           "--colour status", "bindings list --limit 0", "bindings list --limit x",
                           "bindings add a@b sip:x --expires soon", "accounts add a@b",
                           "accounts add a@b --password-stdin --alias", "status --timeout no", "'status\nx'"}) {
        auto result = run(arguments, "secret\n");
        EXPECT_EQ(result.code, 2) << arguments;
        EXPECT_EQ(std::ranges::count(result.err, '\n'), 1) << result.err;
        EXPECT_EQ(result.err.rfind("musterctl: ", 0), 0u) << result.err;
        EXPECT_EQ(result.out, "") << arguments;
    }
}

TEST_F(Ctl, ExitCodesAreThoseOfTheDaemon) {
    for (auto code : {Code::refused, Code::usage, Code::not_found, Code::conflict, Code::timed_out}) {
        serve(problem(code, "title", "detail"));
        auto result = run("bindings show alice@example.com");
        EXPECT_EQ(result.code, static_cast<int>(code));
        EXPECT_EQ(result.err, "musterctl: title: detail\n");
        EXPECT_EQ(result.out, "");
        server_.reset();
    }
    EXPECT_EQ(run("status").code, 4) << "nobody there";
    serve(problem(Code::refused, "Configuration Kept", "a.yaml:1:2: x\na.yaml:3:4: y"));
    EXPECT_EQ(run("config reload").err, "musterctl: Configuration Kept:\n  a.yaml:1:2: x\n  a.yaml:3:4: y\n");
}

TEST_F(Ctl, WaitsNoLongerThanTold) {
    std::vector<Answer> held;
    serve([&](const Request&, Answer answer) { held.push_back(std::move(answer)); });
    EXPECT_EQ(run("status --timeout 1").code, 6);
    server_.reset();
}

TEST_F(Ctl, ADamagedDatabaseIsShownAndNoSuccess) {
    const std::string sound = R"({"file":"/m.db","sound":true,"keys":7,"damaged":[]})";
    serve({Code::done, sound});
    EXPECT_EQ(run("db check").code, 0);
    EXPECT_EQ(run("db check --json").out, sound + '\n');
    server_.reset();
    serve({Code::done, R"({"file":"/m.db","sound":false,"keys":7,"damaged":[)"
                       R"({"kind":"bindings","key":"sip:a@x","version":7,"fate":"newest"}]})"});
    auto result = run("db check");
    EXPECT_EQ(result.code, 1);
    EXPECT_EQ(result.out,
              "file   /m.db\nsound  no\nkeys   7\n"
              "KIND      KEY      VERSION  FATE\nbindings  sip:a@x  7        newest\n");
    EXPECT_EQ(requests().size(), 3u);
}

TEST_F(Ctl, AFileIsCheckedWithoutTheDaemon) {
    EXPECT_EQ(run("db check '" + folder_ + "/none'").code, 3);
    std::ofstream(folder_ + "/notes") << "not a database, but longer than the header of one is, a hundred bytes, so "
                                         "that SQLite has a look at it and says what it is not";
    auto result = run("db check '" + folder_ + "/notes'");
    EXPECT_EQ(result.code, 1);
    EXPECT_NE(result.err.find("not a database"), std::string::npos) << result.err;
}

TEST_F(Ctl, TheDaemonIsToldTheWholeNameOfABackup) {
    serve({Code::done, R"({"file":"x"})"});
    EXPECT_EQ(run("db backup some/../copy.db").code, 0);
    ASSERT_EQ(requests().size(), 1u);
    EXPECT_EQ(requests()[0].value("file"), (std::filesystem::current_path() / "copy.db").string());
    EXPECT_EQ(run("db backup").code, 2);
}

TEST_F(Ctl, ShowsBindingsAsATable) {
    serve({Code::done, alice});
    auto result = run("bindings show alice@example.com");
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_EQ(result.out,
              "sip:alice@example.com  version 7\n"
              "CONTACT                   EXPIRES  Q    SOURCE              LIVE  NAT  FLOW  HEARD  RTT  CALL-ID  CSEQ  "
              "PATH                     "
              "INSTANCE  REG-ID  PARAMS  AGE  USER-AGENT\n"
              "sip:alice@127.0.0.1:5070  59m59s   1.0  udp:127.0.0.1:5070  yes   -    -     -      -    c1       2     "
              "-                        "
              "-         -       -       1s   evil \\x1b[31m\n"
              "sip:alice@192.0.2.4       never    -    -                   -     -    -     -      -    -        -     "
              "<sip:p1;lr>,<sip:p2;lr>  "
              "-         -       -       -    -\n");
    ASSERT_EQ(requests().size(), 1u);
    EXPECT_EQ(requests()[0].value("aor"), "alice@example.com");
    EXPECT_EQ(run("bindings show alice@example.com --json").out, std::string(alice) + '\n');
    EXPECT_EQ(run("--json bindings show alice@example.com").out, std::string(alice) + '\n');
}

TEST_F(Ctl, PrintsWhateverElseComes) {
    serve({Code::done,
           R"({"version":"0.1.0","uptime":61,"ready":true,"store":{"kind":"sqlite","log":{"rows":3}},"x":null})"});
    EXPECT_EQ(run("status").out,
              "version  0.1.0\nuptime   1m1s\nready    yes\nstore\n  kind  sqlite\n  log\n    rows  3\nx        -\n");
    server_.reset();
    serve(
        {Code::done, R"({"aor":"sip:a@b","targets":[{"uri":"sip:x","q":"0.5","route":["<sip:p;lr>"],"expires":10}]})"});
    EXPECT_EQ(run("lookup a@b").out,
              "sip:a@b\nURI    Q    EXPIRES  FLOW  LIVE  ROUTE\nsip:x  0.5  10s      -     -     <sip:p;lr>\n");
    server_.reset();
    serve({Code::done, "{}"});
    EXPECT_EQ(run("accounts disable a@b").out, "");
    EXPECT_EQ(run("lookup a@b").out, "-  no targets\n");
    server_.reset();
    serve(
        {Code::done,
         R"({"items":[{"domain":"a.example","aliases":["b.example","1.2.3.4"],"expires":{"min":60,"max":7200},"contact_limit":10,"algorithms":["MD5","SHA-256"]}]})"});
    EXPECT_EQ(run("domains list").out,
              "DOMAIN     ALIASES            EXPIRES        CONTACTS  ALGORITHMS\n"
              "a.example  b.example,1.2.3.4  min=1m max=2h  10        MD5,SHA-256\n");
}

/// 2,500 items in pages.
void pages(Request request, const Answer& answer) {
    auto first = request.value("cursor").empty() ? 0 : std::stoi(std::string(request.value("cursor")));
    auto last = std::min(2'500, first + std::min(1'000, std::stoi(std::string(request.value("limit")))));
    std::string items;
    for (int i = first; i < last; ++i)
        items += (items.empty() ? "" : ",") + std::string(R"({"aor":"sip:u)") + std::to_string(i) +
                 R"(@b","bindings":[{"contact":"sip:c"}]})";
    auto cursor = last < 2'500 ? R"(,"cursor":")" + std::to_string(last) + '"' : "";
    answer({Code::done, R"({"items":[)" + items + ']' + cursor + '}'});
}

TEST_F(Ctl, ListsAllPagesOrAsManyAsAsked) {
    serve(pages);
    auto all = run("bindings list --json");
    EXPECT_EQ(std::ranges::count(all.out, '\n'), 2'500);
    EXPECT_EQ(all.out.rfind(R"({"aor":"sip:u0@b","bindings":[{"contact":"sip:c"}]})", 0), 0u);
    EXPECT_EQ(all.err, "");
    auto some = run("bindings list --limit 1500");
    EXPECT_EQ(std::ranges::count(some.out, '\n'), 1'501) << "and the header, once";
    EXPECT_EQ(some.err, "more: --cursor 1500\n");
    auto rest = run("bindings list --cursor 2499 --json");
    EXPECT_EQ(std::ranges::count(rest.out, '\n'), 1);
}

TEST_F(Ctl, PasswordsComeFromOneLine) {
    serve({Code::done, "{}"});
    auto result =
        run("accounts add alice@example.com --password-stdin --username al --alias x@b --alias y@b", " a b \nrest\n");
    EXPECT_EQ(result.code, 0) << result.err;
    ASSERT_EQ(requests().size(), 1u);
    EXPECT_EQ(requests()[0].body, " a b ");
    EXPECT_EQ(requests()[0].value("username"), "al");
    EXPECT_EQ(requests()[0].values.count("alias"), 2u);
    EXPECT_EQ(run("accounts passwd alice@example.com --password-stdin", "\n").code, 2) << "empty";
    EXPECT_EQ(run("accounts passwd alice@example.com --password-stdin", "").code, 2) << "nothing";
    EXPECT_EQ(requests().size(), 1u);
}

TEST_F(Ctl, ImportsFilesAndStandardInputAsTheyAre) {
    serve({Code::done, R"({"imported":2})"});
    std::ofstream(folder_ + "/users.csv") << "a@b,x\r\nc@d,\xff y";
    auto result = run("accounts import '" + folder_ + "/users.csv'");
    EXPECT_EQ(result.out, "imported  2\n") << result.err;
    EXPECT_EQ(run("accounts import -", std::string("e\0f", 3)).code, 0);
    ASSERT_EQ(requests().size(), 2u);
    EXPECT_EQ(requests()[0].body, "a@b,x\r\nc@d,\xff y");
    EXPECT_EQ(requests()[1].body, std::string("e\0f", 3));
    auto absent = run("accounts import /no/such/file");
    EXPECT_EQ(absent.code, 1);
    EXPECT_EQ(absent.err, "musterctl: cannot read /no/such/file\n");
}

TEST_F(Ctl, ChecksConfigurationWithoutADaemon) {
    EXPECT_EQ(run("config check '" MUSTER_SOURCE_DIR "/config/muster.yaml'").code, 0);
    std::ofstream(folder_ + "/bad.yaml") << "domains: {example.com: {colour: red}}\n";
    auto bad = run("config check '" + folder_ + "/bad.yaml'");
    EXPECT_EQ(bad.code, 1);
    EXPECT_EQ(bad.err.rfind(folder_ + "/bad.yaml:1:25: unknown key \"colour\"", 0), 0u) << bad.err;
    EXPECT_NE(run("config check --json '" + folder_ + "/bad.yaml'").out.find(R"("line":1,"column":25)"),
              std::string::npos);
}

std::string without_escapes(std::string_view roff) {
    std::string plain;
    for (std::size_t i = 0; i < roff.size(); ++i) {
        if (roff.substr(i).starts_with("\\f"))
            i += 2;
        else if (roff[i] != '\\')
            plain += roff[i];
    }
    return plain;
}

TEST_F(Ctl, CompletionAndManPageNameEveryCommandAndParameter) {
    auto man = without_escapes(run("man").out), help = run("--help").out, nouns = complete("-- ''").out;
    for (const auto& command : commands()) {
        const std::string noun(command.noun), verb(command.verb);
        auto name = noun + (verb.empty() ? "" : " ") + verb;
        EXPECT_NE(man.find(".TP\n" + name), std::string::npos) << name;
        EXPECT_NE(help.find(noun), std::string::npos) << name;
        const bool is_command = std::ranges::any_of(
            commands(), [&](const Command& other) { return other.noun == command.noun && other.verb.empty(); });
        EXPECT_NE(('\n' + nouns).find('\n' + noun + (is_command ? "\t" : "\n")), std::string::npos) << name;
        if (!verb.empty()) {
            EXPECT_NE(complete("" + noun + " -- ''").out.find(verb + '\t'), std::string::npos) << name;
        }
        auto options = complete("" + name + " -- --").out;
        for (const auto& parameter : command.parameters) {
            using Kind = Parameter::Kind;
            if (parameter.kind != Kind::option && parameter.kind != Kind::repeated_option) continue;
            EXPECT_NE(man.find("--" + std::string(parameter.name)), std::string::npos) << parameter.name;
            EXPECT_NE(options.find("--" + std::string(parameter.name) + '\t'), std::string::npos) << parameter.name;
        }
    }
}

/// A stream of one piece.
class OnePiece : public Stream {
public:
    explicit OnePiece(std::string piece) : piece_(std::move(piece)) {}
    void next(std::function<void(std::string)> take) override { take(std::exchange(piece_, {})); }
    void cancel() override {}

private:
    std::string piece_;
};

TEST_F(Ctl, WatchGoesOnFromWhereItWasAlsoBeforeTheFirstChange) {
    std::vector<std::string> from;
    const std::string change = R"({"position":8,"event":"admin","aor":"sip:alice@example.com"})";
    serve([&](const Request& request, const Answer& answer) {
        from.emplace_back(request.value("from"));
        if (from.size() == 3) return answer(problem(Code::not_found, "Gone", "", 410));
        answer({.stream = std::make_shared<OnePiece>(from.size() == 1 ? "id: 7\n\n" : event("admin", change, 8))});
    });
    auto result = run("--json watch");
    server_.reset();  // what it has heard is ours
    EXPECT_EQ(from, (std::vector<std::string>{"", "7", "8"}));
    EXPECT_EQ(result.code, 3) << result.err;
    EXPECT_EQ(result.out.substr(0, result.out.find('\n')), change);
}

TEST_F(Ctl, WatchOnceEndsWithTheDaemon) {
    serve([&](const Request&, const Answer& answer) { answer({.stream = std::make_shared<OnePiece>("id: 7\n\n")}); });
    auto result = run("watch --once");
    EXPECT_EQ(result.code, 4);
    EXPECT_EQ(result.err, "musterctl: the daemon has ended\n");
}

TEST_F(Ctl, ShowsTheLogLevelWithoutChangingIt) {
    serve({Code::done, R"({"level":"info"})"});
    EXPECT_EQ(run("--json log level").out, "{\"level\":\"info\"}\n");
    EXPECT_EQ(run("log level debug --for 10m").code, 0);
    EXPECT_EQ(run("log level --for 10m").code, 2);
    ASSERT_EQ(requests().size(), 2u);
    EXPECT_EQ(requests()[0].command->method, "GET");
    EXPECT_EQ(requests()[1].command->method, "PUT");
    EXPECT_EQ(requests()[1].value("level"), "debug");
}

TEST_F(Ctl, EveryPageHasItsSection) {
    EXPECT_EQ(run("man").out, run("man musterctl").out);
    EXPECT_EQ(run("man musterctl").out.rfind(".TH MUSTERCTL 1 ", 0), 0u);
    auto daemon = run("man musterd").out, file = run("man muster.yaml").out;
    EXPECT_EQ(daemon.rfind(".TH MUSTERD 8 ", 0), 0u);
    EXPECT_NE(without_escapes(daemon).find("--config FILE\nconfiguration file (YAML)."), std::string::npos);
    EXPECT_EQ(file.rfind(".TH MUSTER.YAML 5 ", 0), 0u);
    EXPECT_NE(file.find("domains.NAME.expires.min"), std::string::npos);
    EXPECT_EQ(run("man sip").code, 2);
}

TEST_F(Ctl, CompletesWhatFits) {
    EXPECT_EQ(complete("-- bi").out, "bindings\n");
    EXPECT_EQ(complete("bindings -- s").out, "show\tShow the bindings of one address-of-record\n");
    EXPECT_EQ(complete("--socket bindings accounts -- i").out, "import\tAdd or replace many accounts, all or none\n");
    EXPECT_EQ(complete("bindings list --json -- --d").out, "--domain\tonly those of this domain\n");
    EXPECT_EQ(complete("man -- musterd").out, "musterd\n");
    EXPECT_EQ(complete("config check -- /etc").out, ":files\n");
    EXPECT_EQ(complete("--socket -- /run").out, ":files\n");
    for (auto words :
         {"nonsense -- ''", "nonsense more -- ''", "status -- ''", "bindings list --limit -- ''", "--", ""})
        EXPECT_EQ(complete(words).out, "") << words;
}

TEST_F(Ctl, CompletesAddressesOfRecordFromTheDaemon) {
    serve([this](Request request, const Answer& answer) {
        bool first = request.value("cursor").empty();
        keep(std::move(request));
        answer({Code::done, first ? R"({"items":[{"aor":"sip:alice@example.com"},{"aor":"sip:bob@example.com"}],)"
                                    R"("cursor":"2"})"
                                  : R"({"items":[{"aor":"sip:al@example.com"},{"aor":"sip:al$(touch x)@example.com"}],)"
                                    R"("cursor":""})"});
    });
    EXPECT_EQ(complete("bindings show -- al").out, "alice@example.com\nal@example.com\n")
        << "nothing a shell would run";
    EXPECT_EQ(requests().back().command->noun, "bindings");
    EXPECT_EQ(complete("bindings show -- sip:b").out, "sip:bob@example.com\n");
    EXPECT_EQ(complete("accounts passwd -- b").out, "bob@example.com\n");
    EXPECT_EQ(requests().back().command->noun, "accounts");
    server_.reset();
    auto nobody = complete("bindings show -- al");
    EXPECT_EQ(nobody.out + nobody.err, "");
    EXPECT_EQ(nobody.code, 0);
}

TEST_F(Ctl, CompletionBearsAnyAnswer) {
    for (auto body : {"", "no JSON", "[]", R"({"items":7})", R"({"items":[7]})", R"({"items":[{"aor":7}]})"}) {
        serve({Code::done, body});
        auto result = complete("bindings show -- al");
        EXPECT_EQ(result.out + result.err, "") << body;
        server_.reset();
    }
}

}  // namespace
}  // namespace muster::admin
