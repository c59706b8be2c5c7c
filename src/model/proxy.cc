#include "model/proxy.h"

namespace weir::model {

std::string_view to_text(ProxyHeader header) {
    switch (header) {
        case ProxyHeader::none:
            return "none";
        case ProxyHeader::v1:
            return "v1";
        case ProxyHeader::v2:
            return "v2";
    }
    return "?";
}

}  // namespace weir::model
