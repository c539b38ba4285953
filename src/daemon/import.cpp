#include "import.hpp"

#include <malloc.h>

#include <algorithm>
#include <boost/json.hpp>
#include <future>
#include <thread>
#include <unordered_map>

#include "muster/admin/codec.hpp"
#include "muster/sip/uri.hpp"

namespace muster::daemon {
namespace {

using admin::Code;
using admin::Reply;
using core::AccountsImport;
using Step = AccountsImport::Step;

constexpr std::size_t part_size = 1'000;  // some milliseconds of the writer
constexpr base::Milliseconds ask_again{200};

/// The first bad line ends it: `fault` then names it.
std::vector<NewAccount> read_import(std::string_view text, const sip::ServedDomains& served, std::string& fault) {
    std::vector<NewAccount> lines;
    std::unordered_map<std::string, std::size_t> seen;
    for (std::size_t number = 1; !text.empty() && fault.empty(); ++number) {
        auto end = std::min(text.find('\n'), text.size());
        auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty()) continue;
        auto comma = std::min(line.find(','), line.size());
        auto aor = sip::aor_from_text(line.substr(0, comma), served);
        auto where = "line " + std::to_string(number) + ": ";
        if (comma + 1 >= line.size()) {
            fault = where + "expected user@domain,password";
        } else if (!aor) {
            fault = where + "not an AOR of a served domain";
        } else if (auto [earlier, is_new] = seen.emplace(aor->text, number); !is_new) {
            fault = where + "the same account as line " + std::to_string(earlier->second);
        } else {
            lines.push_back({std::move(*aor), std::string(line.substr(comma + 1)), {}});
        }
    }
    return lines;
}

Reply nothing_imported(Code code, std::string_view why) { return admin::problem(code, "Nothing Imported", why); }

Reply nothing_imported(const core::Job& job) {
    std::string why(job.reject->reason);
    if (!job.detail.empty()) why.append(": ").append(admin::utf8(job.detail));
    return nothing_imported(code_of(*job.reject), why);
}

class Import {
public:
    Import(Daemon& daemon, std::vector<NewAccount> lines, std::stop_token stop, base::Progress& progress)
        : daemon_(daemon), lines_(std::move(lines)), stop_(std::move(stop)), progress_(progress) {}

    /// Nothing when all of them are there.
    std::optional<Reply> run() {
        if (auto begun = ask({Step::begin, {}, 0}); begun->reject) return nothing_imported(*begun);
        progress_.total = lines_.size();
        std::size_t parts = 0;
        auto failure = stage(parts);
        if (!failure) {
            auto finished = ask({Step::finish, {}, 0});
            if (finished->reject) failure = nothing_imported(*finished);
        }
        for (std::size_t part = 0; !failure && part < parts; ++part)
            if (!insist({Step::apply, {}, part})) return stopped();
        if (!insist({Step::clear, {}, 0})) return stopped();
        return failure;
    }

private:
    std::optional<Reply> stage(std::size_t& parts) {
        for (std::size_t next = 0; next < lines_.size(); ++parts) {
            if (stop_.stop_requested()) return stopped();
            AccountsImport step{Step::stage, {}, parts};
            for (; next < lines_.size() && step.accounts.size() < part_size; ++next) {
                const auto& line = lines_[next];
                auto former = daemon_.accounts().by_aor(line.aor.text);
                if (former && former->aor != line.aor.text) former = nullptr;  // an alias: the writer refuses it
                if (!former && username_of(line.aor).find('@') != std::string::npos)
                    return nothing_imported(Code::refused,
                                            line.aor.text + " needs a user name without \"@\": add it by accounts add");
                step.accounts.push_back(account(line, former.get()));
            }
            if (auto staged = ask(std::move(step)); staged->reject) return nothing_imported(*staged);
            progress_.done = next;
        }
        return {};
    }

    /// An account that exists keeps its user name and aliases: only its password is new.
    static auth::Account account(const NewAccount& line, const auth::Account* former) {
        if (!former) {
            auto made =
                auth::make_account(line.aor.text, username_of(line.aor), std::string(line.aor.domain()), line.password);
            if (line.md5) made.ha1 = {*line.md5};  // and no others
            return made;
        }
        auto account = *former;
        auth::set_password(account, line.password);
        return account;
    }

    core::JobPtr ask(AccountsImport step) {
        auto job = std::make_unique<core::Job>();
        job->what = std::move(step);
        std::promise<core::JobPtr> promise;
        daemon_.submit(std::move(job), [&](core::JobPtr done) { promise.set_value(std::move(done)); });
        return promise.get_future().get();
    }

    /// Until it is done; false when the daemon stops first.
    bool insist(const AccountsImport& step) {
        while (ask(step)->reject) {
            if (stop_.stop_requested()) return false;
            std::this_thread::sleep_for(ask_again);
        }
        return true;
    }

    static Reply stopped() {
        return admin::problem(Code::refused, "Stopped", "nothing is imported, or all at the next start");
    }

    Daemon& daemon_;
    std::vector<NewAccount> lines_;
    std::stop_token stop_;
    base::Progress& progress_;
};

}  // namespace

std::optional<Reply> put_accounts(Daemon& daemon, std::vector<NewAccount> accounts, std::stop_token stop,
                                  base::Progress& progress) {
    return Import(daemon, std::move(accounts), std::move(stop), progress).run();
}

Code code_of(const base::Reject& reject) {
    switch (reject.status) {
        case 404:
            return Code::not_found;
        case 409:
        case 412:
            return Code::conflict;
        default:
            return Code::refused;
    }
}

std::string username_of(const sip::Aor& aor) {
    std::string username;
    if (!sip::unescape(aor.user(), username)) username = aor.user();
    return username;
}

Reply import_accounts(Daemon& daemon, std::string_view text, std::stop_token stop, base::Progress& progress) {
    std::string fault;
    auto lines = read_import(text, daemon.settings()->served, fault);
    if (!fault.empty()) return nothing_imported(Code::refused, fault);
    const auto count = lines.size();
    auto failure = put_accounts(daemon, std::move(lines), std::move(stop), progress);
    malloc_trim(0);  // the names it has compared lie between accounts: free, but not yet the system's
    return failure ? *failure : Reply{Code::done, serialize(boost::json::object{{"imported", count}})};
}

}  // namespace muster::daemon
