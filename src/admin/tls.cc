#include "admin/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/error.hpp>

namespace weir::admin {
namespace ssl = boost::asio::ssl;
using boost::system::error_code;

Result<std::shared_ptr<ssl::context>> server_context(const model::FileText& certificate,
                                                     const model::FileText& key) {
    auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
    auto buffer = [](const model::FileText& text) {
        return boost::asio::buffer(text.view().data(), text.view().size());
    };
    error_code code;
    context->use_certificate_chain(buffer(certificate), code);
    if (code) return fail("cannot use the admin API's certificate: {}", code.message());
    context->use_private_key(buffer(key), ssl::context::pem, code);
    if (code) return fail("cannot use the admin API's key: {}", code.message());
    SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
    return context;
}

TlsFailure failure_of(const error_code& code) {
    bool plain = code.category() == boost::asio::error::get_ssl_category() &&
                 ERR_GET_REASON(static_cast<unsigned long>(code.value())) == SSL_R_HTTP_REQUEST;
    return plain ? TlsFailure::plain_http : TlsFailure::other;
}

}  // namespace weir::admin
