// The file to a Config: the table checks each key by itself, this checks what keys mean together.

#include <yaml-cpp/anchor.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "domains.hpp"
#include "muster/base/text.hpp"
#include "muster/config/config.hpp"
#include "places.hpp"

namespace muster::config {
namespace {

namespace fs = std::filesystem;

/// True if one place cannot listen on both: a listener on every address takes all of its family.
bool overlap(const base::Address& a, const base::Address& b) {
    if (a.port != b.port || a.is_v4() != b.is_v4()) return false;
    return a.is_unspecified() || b.is_unspecified() || (a.ip == b.ip && a.scope == b.scope);
}

std::string taken(const std::string& path, const base::Address& wanted, const Listen& other) {
    return path + ": " + wanted.text() + " is already taken by " + std::string(base::lower_name(other.transport)) +
           (other.address == wanted ? "" : ' ' + other.address.text()) + "; expected another address or port";
}

class Loader {
public:
    Loader(Faults& faults, const std::string& file, const CheckTls& check_tls)
        : faults_(faults), folder_(fs::absolute(file).parent_path()), check_tls_(check_tls) {}

    Config read(const YAML::Node& document) {
        Section top(document, root());
        Config config;
        read_listen(top, config);
        config.store = read_store(top.text("store"));
        read_admin(top.section("admin"), config);
        read_admin_access(top.section("admin"), config);
        config.workers = top.count("workers");
        read_webhooks(top, config);
        read_tls_ca(top.section("tls"), config);
        for (const auto& item : top.section("dns").list("servers"))
            config.dns_servers.append(config.dns_servers.empty() ? "" : ",").append(item.Scalar());
        config.log_level = top.section("log").text("level");
        read_capture(top.section("capture"), config.capture);
        read_domains(top, config.settings, faults_);
        read_limits(top.section("limits"), config);
        return config;
    }

private:
    static void read_limits(const Section& limits, Config& config) {
        auto& settings = config.settings;
        settings.limits = {limits.count("message_bytes"), limits.count("headers"), limits.count("contacts")};
        settings.request_limits = {limits.count("requests"), limits.count("requests_of_strangers"),
                                   limits.count("requests_of_source"), limits.count("requests_for_user"),
                                   limits.count("request_bytes")};
        settings.admission = {{limits.count("guesses")},
                              {limits.count("guesses_of_source")},
                              {limits.count("answers_to_prefix")},
                              limits.count("queue"),
                              limits.count("queue_bytes")};
        for (const auto& [name, value] : TableLimits::keys) config.tables.*value = limits.count(name);
    }

    std::string absolute(const std::string& path) const { return (folder_ / path).lexically_normal().string(); }

    std::string read_store(const std::string& text) const {
        return text.starts_with("memory") ? "memory:" : "sqlite:" + absolute(text.substr(7));
    }

    void read_listen(const Section& top, Config& config) {
        auto items = top.list("listen");
        if (top.node("listen").IsSequence() && items.empty())
            faults_.add(top.node("listen"), "listen is empty; expected at least one listener");
        const Key& item = key_of(root(), "listen").inside.front();
        for (std::size_t i = 0; i < items.size(); ++i)
            if (items[i].IsMap()) read_listener({items[i], item}, "listen[" + std::to_string(i) + ']', config.listen);
        if (items.empty()) config.listen = default_listen();
        for (const auto& listen : config.listen) {
            config.settings.served.add_listen(listen.address.ip_text(), listen.address.port);
            if (!listen.advertise.empty())
                config.settings.served.add_listen(read_host(listen.advertise).value_or(""), listen.address.port);
        }
    }

    static std::string bracketed(std::string host) {
        return host.find(':') == host.npos ? host : '[' + std::move(host) + ']';
    }

    static std::vector<Listen> default_listen() {
        std::vector<Listen> all;
        for (auto transport : {base::Transport::udp, base::Transport::tcp})
            for (auto address : {"0.0.0.0:5060", "[::]:5060"}) {
                Listen listen;
                listen.transport = transport;
                listen.address = base::Address::parse(address).value_or(base::Address{});
                all.push_back(listen);
            }
        return all;
    }

    void read_listener(const Section& item, const std::string& path, std::vector<Listen>& all) {
        std::vector<std::string_view> transports;
        for (auto name : {"udp", "tcp", "tls", "ws", "wss"})
            if (item.written(name)) transports.push_back(name);
        if (transports.size() != 1) {
            faults_.add(item.whole(), path + " has " + (transports.empty() ? "no transport" : "several transports") +
                                          "; expected exactly one of udp, tcp, tls, ws or wss");
            return;
        }
        Listen listen;
        listen.transport = base::transport_from(transports[0]).value_or(base::Transport::udp);
        if (base::is_secure(listen.transport))
            read_tls(item, path, transports[0], listen.tls);
        else
            refuse_keys(item, path, transports[0],
                        {"certificate", "key", "certificates", "client_certificate", "client_ca"}, "tls or wss");
        if (base::is_websocket(listen.transport))
            read_web(item, path, listen);
        else
            refuse_keys(item, path, transports[0], {"path", "origins", "ping"}, "ws or wss");
        if (item.has("advertise")) listen.advertise = bracketed(read_host(item.text("advertise")).value_or(""));
        if (!item.has(transports[0])) return;  // its fault is known
        listen.address = base::Address::parse(item.text(transports[0])).value_or(base::Address{});
        auto same = [&](const Listen& other) {
            return base::is_stream(other.transport) == base::is_stream(listen.transport) &&
                   overlap(other.address, listen.address);
        };
        if (auto other = std::ranges::find_if(all, same); other != all.end())
            faults_.add(item.node(transports[0]),
                        taken(path + '.' + std::string(transports[0]), listen.address, *other));
        all.push_back(std::move(listen));
    }

    /// A key with a file that can be read; its absolute path.
    std::optional<std::string> read_file(const Section& section, const std::string& path, std::string_view name) {
        if (!section.has(name)) return {};
        auto file = absolute(section.text(name));
        std::error_code error;
        if (fs::is_regular_file(file, error) && std::ifstream(file)) return file;
        faults_.add(section.node(name),
                    not_valid(path + '.' + std::string(name), section.text(name), "a file that can be read"));
        return {};
    }

    /// `why`: who needs them. Nothing is added when a file is missing.
    void read_certificate(const Section& section, const std::string& path, std::string_view why,
                          std::vector<base::CertificateFiles>& out) {
        for (auto name : {"certificate", "key"})
            if (!section.written(name))
                faults_.add(section.whole(), path + '.' + name + " is missing; expected a PEM file, as " +
                                                 std::string(why) + " needs one");
        auto certificate = read_file(section, path, "certificate");
        auto key = read_file(section, path, "key");
        if (certificate && key) out.push_back({std::move(*certificate), std::move(*key)});
    }

    void read_tls(const Section& item, const std::string& path, std::string_view transport, base::TlsFiles& tls) {
        read_certificate(item, path, transport, tls.certificates);
        const auto more = item.list("certificates");
        const Key& key = key_of(item.table(), "certificates").inside.front();
        for (std::size_t i = 0; i < more.size(); ++i)
            if (more[i].IsMap())
                read_certificate({more[i], key}, path + ".certificates[" + std::to_string(i) + ']', "each",
                                 tls.certificates);
        tls.client_certificate = item.choice<base::ClientCertificate>("client_certificate");
        tls.client_ca = read_file(item, path, "client_ca").value_or("");
        const bool asks = tls.client_certificate != base::ClientCertificate::off;
        if (asks && !item.written("client_ca"))
            faults_.add(item.node("client_certificate"),
                        path + ".client_ca is missing; expected a PEM file, as client_certificate needs one");
        if (!asks && item.written("client_ca"))
            faults_.add(item.node("client_ca"),
                        path + ".client_ca has no use; expected client_certificate: optional or required with it");
        if (check_tls_.listener && faults_.empty())
            for (const auto& fault : check_tls_.listener(tls)) add_tls_fault(item, path, fault);
    }

    void add_tls_fault(const Section& item, const std::string& path, const base::TlsFault& fault) {
        constexpr const char* names[] = {"certificate", "key", "client_ca"};
        const std::string name = names[static_cast<std::size_t>(fault.file)];
        const auto place = fault.index == 0 ? "" : ".certificates[" + std::to_string(fault.index - 1) + ']';
        const Section of = fault.index == 0 ? item
                                            : Section(item.list("certificates")[fault.index - 1],
                                                      key_of(item.table(), "certificates").inside.front());
        const auto message = path + place + '.' + name + ": " + of.text(name) + ' ' + fault.reason;
        if (fault.is_warning)
            faults_.warn(of.node(name), message);
        else
            faults_.add(of.node(name), message);
    }

    void read_tls_ca(const Section& tls, Config& config) {
        config.tls_ca = read_file(tls, "tls", "ca").value_or("");
        if (config.tls_ca.empty()) return;
        const bool leaves =
            std::ranges::any_of(config.listen, [](const Listen& l) { return l.transport == base::Transport::tls; }) ||
            std::ranges::any_of(config.webhooks, [](const Webhook& w) { return w.to.secure; });
        if (!leaves)
            faults_.add(tls.node("ca"),
                        "tls.ca has no use; expected a tls listener or a webhook, from which TLS connections leave");
        const auto reason = check_tls_.ca ? check_tls_.ca(config.tls_ca) : "";
        if (!reason.empty()) faults_.add(tls.node("ca"), "tls.ca: " + tls.text("ca") + ' ' + reason);
    }

    void read_webhooks(const Section& top, Config& config) {
        const auto items = top.list("webhooks");
        const Key& item = key_of(root(), "webhooks").inside.front();
        for (std::size_t i = 0; i < items.size(); ++i)
            if (items[i].IsMap()) read_webhook({items[i], item}, "webhooks[" + std::to_string(i) + ']', config);
        if (!config.webhooks.empty() && config.store == "memory:")
            faults_.add(top.node("webhooks"),
                        "webhooks has no use with store: memory; expected it with sqlite:PATH only");
    }

    void read_webhook(const Section& item, const std::string& path, Config& config) {
        for (auto name : {"url", "secret_file"})
            if (!item.written(name))
                faults_.add(item.whole(), path + '.' + name + " is missing; expected it in each webhook");
        Webhook hook;
        if (const auto file = read_file(item, path, "secret_file")) {
            std::ifstream in(*file, std::ios::binary);
            std::getline(in, hook.secret);
            hook.secret = base::trimmed(hook.secret);
            if (hook.secret.size() < 16)
                faults_.add(item.node("secret_file"),
                            path + ".secret_file: the first line is too short; expected a secret of 16 bytes at least");
        }
        for (const auto& event : item.list("events")) hook.events.push_back(event.Scalar());
        for (const auto& domain : item.list("domains")) hook.domains.push_back(read_host(domain.Scalar()).value_or(""));
        if (!item.has("url")) return;
        hook.url = item.text("url");
        hook.to = read_web_url(hook.url).value_or(WebUrl{});
        if (std::ranges::count(config.webhooks, hook.url, &Webhook::url) != 0)
            faults_.add(item.node("url"), path + ".url stands twice; expected each receiver once");
        config.webhooks.push_back(std::move(hook));
    }

    void read_web(const Section& item, const std::string& path, Listen& listen) {
        listen.path = item.text("path");
        listen.ping = item.duration("ping");
        for (const auto& origin : item.list("origins")) listen.origins.push_back(origin.Scalar());
        if (item.node("origins").IsSequence() && item.node("origins").size() == 0)
            faults_.add(item.node("origins"), path + ".origins is empty; expected at least one, or no such key");
        // A browser shows its user's certificate to whichever page asks for a connection.
        if (listen.tls.client_certificate != base::ClientCertificate::off && !item.written("origins"))
            faults_.add(item.node("client_certificate"),
                        path + ".origins is missing; expected the sites that may speak for who shows a certificate");
    }

    /// Keys that other transports have.
    void refuse_keys(const Section& item, const std::string& path, std::string_view transport,
                     std::initializer_list<std::string_view> names, std::string_view with) {
        for (auto name : names)
            if (item.written(name))
                faults_.add(item.node(name), path + '.' + std::string(name) + " has no use with " +
                                                 std::string(transport) + "; expected it with " + std::string(with) +
                                                 " only");
    }

    void read_admin(const Section& admin, Config& config) {
        config.admin_socket = absolute(admin.text("socket"));
        if (config.admin_socket.size() > 107)  // sun_path of unix(7), with its NUL
            faults_.add(admin.node("socket"), "admin.socket is too long; expected at most 107 bytes of absolute path");
        if (!admin.has("http")) return;
        config.admin_http = base::Address::parse(admin.text("http"));
        auto same = [&](const Listen& l) {
            return base::is_stream(l.transport) && config.admin_http && overlap(l.address, *config.admin_http);
        };
        if (auto other = std::ranges::find_if(config.listen, same); other != config.listen.end())
            faults_.add(admin.node("http"), taken("admin.http", *config.admin_http, *other));
    }

    static void read_capture(const Section& section, Capture& capture) {
        if (section.has("hep")) capture.hep = base::Address::parse(section.text("hep"));
        capture.id = static_cast<std::uint32_t>(section.count("id"));
        capture.shows_credentials = section.text("credentials") == "plain";
    }

    /// Over TCP everybody can knock: without TLS on loopback alone, and elsewhere not without a token.
    void read_admin_access(const Section& admin, Config& config) {
        for (const auto& item : admin.list("hosts")) config.admin_hosts.push_back(item.Scalar());
        config.admin_token_file = read_file(admin, "admin", "token_file").value_or("");
        if (!config.admin_token_file.empty()) {
            auto token = read_token(config.admin_token_file);
            if (!token.fault.empty())
                faults_.add(admin.node("token_file"),
                            "admin.token_file: " + admin.text("token_file") + ' ' + token.fault);
            config.admin_token = std::move(token.text);
        }
        const bool wants_tls = admin.written("certificate") || admin.written("key");
        std::vector<base::CertificateFiles> files;
        if (wants_tls) read_certificate(admin, "admin", "TLS of admin.http", files);
        if (!files.empty()) config.admin_tls = files.front();
        if (!files.empty() && check_tls_.listener && faults_.empty())
            for (const auto& fault : check_tls_.listener({.certificates = files})) add_tls_fault(admin, "admin", fault);
        if (!config.admin_http) {
            for (auto name : {"token_file", "certificate", "key", "hosts"})
                if (admin.written(name))
                    faults_.add(admin.node(name),
                                std::string("admin.") + name + " has no use; expected admin.http too");
        } else if (!config.admin_http->is_loopback() && !(wants_tls && admin.written("token_file"))) {
            faults_.add(admin.node("http"), "admin.http: " + config.admin_http->text() +
                                                " is not loopback; expected admin.certificate, admin.key and "
                                                "admin.token_file with it");
        }
    }

    Faults& faults_;
    fs::path folder_;
    const CheckTls& check_tls_;
};

/// Takes note of where a document begins, and of nothing else.
class Beginning final : public YAML::EventHandler {
public:
    YAML::Mark place;

    void OnDocumentStart(const YAML::Mark& mark) override { place = mark; }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
    void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
    void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
    void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
    void OnSequenceEnd() override {}
    void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
    void OnMapEnd() override {}
};

/// Where a second document begins. YAML::LoadAll() would not do: of a lone comma it makes documents without end.
std::optional<YAML::Mark> second_document(const std::string& text) {
    std::istringstream in(text);
    YAML::Parser parser(in);
    Beginning beginning;
    bool second = parser.HandleNextDocument(beginning) && parser.HandleNextDocument(beginning);
    return second ? std::optional(beginning.place) : std::nullopt;
}

}  // namespace

std::string Fault::text() const {
    std::string out = file + ':';
    if (line > 0) out += std::to_string(line) + ':';
    if (column > 0) out += std::to_string(column) + ':';
    return out + ' ' + message;
}

Loaded load_text(std::string_view text, const std::string& file, const CheckTls& check_tls) {
    Faults faults(file);
    Loaded loaded;
    try {
        const std::string copy(text);
        const auto document = YAML::Load(copy);
        if (auto place = second_document(copy)) faults.add(*place, "a second document; expected one");
        if (document.IsNull()) {
            loaded.faults = {{file, 0, 0, "the file is empty; expected at least \"domains: {example.com: {}}\""}};
            return loaded;
        }
        check(document, root(), "", faults);
        if (document.IsMap()) loaded.config = Loader(faults, file, check_tls).read(document);
        if (loaded.config && faults.empty()) loaded.config->places = places_of(document, file);
    } catch (const YAML::Exception& error) {
        faults.add(error.mark, "this is not YAML: " + base::printable(error.msg));
    }
    loaded.faults = faults.take();
    loaded.warnings = faults.take_warnings();
    if (!loaded.faults.empty()) loaded.config.reset();
    return loaded;
}

Loaded load_file(const std::string& path, const CheckTls& check_tls) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    std::error_code error;
    bool regular = !fs::is_directory(path, error);
    if (!in || !regular || !(text << in.rdbuf() || in.peek() == std::ifstream::traits_type::eof()))
        return {{}, {{path, 0, 0, "cannot be read; expected a YAML file that this user may read"}}, {}};
    return load_text(text.view(), path, check_tls);
}

std::vector<std::string> needs_restart(const Config& running, const Config& wanted) {
    std::vector<std::string> keys;
    if (running.listen != wanted.listen) keys.emplace_back("listen");
    if (running.store != wanted.store) keys.emplace_back("store");
    if (running.workers != wanted.workers) keys.emplace_back("workers");
    // Each open connection cuts its stream by the limit it was made with.
    if (running.settings.limits.message_bytes != wanted.settings.limits.message_bytes)
        keys.emplace_back("limits.message_bytes");
    for (const auto& [name, value] : TableLimits::keys)
        if (running.tables.*value != wanted.tables.*value) keys.push_back("limits." + std::string(name));
    if (running.settings.admission.queue != wanted.settings.admission.queue) keys.emplace_back("limits.queue");
    if (running.tls_ca != wanted.tls_ca) keys.emplace_back("tls.ca");
    if (running.dns_servers != wanted.dns_servers) keys.emplace_back("dns.servers");
    if (running.admin_socket != wanted.admin_socket) keys.emplace_back("admin.socket");
    if (running.admin_http != wanted.admin_http) keys.emplace_back("admin.http");
    if (running.admin_tls.certificate.empty() != wanted.admin_tls.certificate.empty())
        keys.emplace_back("admin.certificate");
    return keys;
}

}  // namespace muster::config
