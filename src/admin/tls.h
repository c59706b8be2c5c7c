// TLS as the admin API's server speaks it, by OpenSSL.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <boost/system/error_code.hpp>
#include <memory>

#include "admin/gate.h"
#include "model/config.h"

namespace weir::admin {

/// For the sessions that begin from now on: TLS 1.2 at least. Certificate and key in PEM, as the
/// configuration has checked them.
Result<std::shared_ptr<boost::asio::ssl::context>> server_context(const model::FileText& certificate,
                                                                  const model::FileText& key);

/// Why a handshake came to nothing.
TlsFailure failure_of(const boost::system::error_code& code);

}  // namespace weir::admin
