#include "certificates.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

namespace muster::net {
namespace {

constexpr long day = 24 * 3'600;

X509* make(EVP_PKEY* key, long serial, int days, const char* common_name) {
    auto* certificate = X509_new();
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -10 * day);
    X509_gmtime_adj(X509_getm_notAfter(certificate), days * day + 60);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(common_name), -1, -1, 0);
    return certificate;
}

void extend(X509* certificate, X509* issuer, int kind, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    auto* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

void save(const std::string& path, X509* certificate, EVP_PKEY* key) {
    auto* file = std::fopen(path.c_str(), "w");
    if (certificate) PEM_write_X509(file, certificate);
    if (key) PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
}

}  // namespace

struct Authority::Keys {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = make(key, 1, 3, "Authority of the test");
    ~Keys() {
        X509_free(certificate);
        EVP_PKEY_free(key);
    }
};

Authority::Authority() : keys_(std::make_unique<Keys>()) {
    auto folder = (std::filesystem::temp_directory_path() / "muster-tls-XXXXXX").string();
    folder_ = ::mkdtemp(folder.data());
    auto* own = keys_->certificate;
    X509_set_issuer_name(own, X509_get_subject_name(own));
    extend(own, own, NID_basic_constraints, "critical,CA:TRUE");
    X509_sign(own, keys_->key, EVP_sha256());
    save(ca(), own, nullptr);
}

Authority::~Authority() { std::filesystem::remove_all(folder_); }

base::CertificateFiles Authority::issue(const std::string& name, const std::string& names, int days) {
    auto* key = EVP_EC_gen("P-256");
    auto* leaf = make(key, ++serial_, days, "leaf");
    X509_set_issuer_name(leaf, X509_get_subject_name(keys_->certificate));
    extend(leaf, keys_->certificate, NID_subject_alt_name, names);
    X509_sign(leaf, keys_->key, EVP_sha256());
    base::CertificateFiles files{path(name + ".pem"), path(name + ".key")};
    save(files.certificate, leaf, nullptr);
    save(files.key, nullptr, key);
    X509_free(leaf);
    EVP_PKEY_free(key);
    return files;
}

void Authority::write(const std::string& file, const std::string& text) const { std::ofstream(path(file)) << text; }

}  // namespace muster::net
