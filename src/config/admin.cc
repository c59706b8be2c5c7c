// Where the admin API listens, and what its clients have to show.
#include <algorithm>

#include "config/sections.h"

namespace weir::config {
namespace {

constexpr size_t kLeastToken = 16, kMostToken = 512;

/// The token itself is never in a message: those go to logs and to whoever may read the API's answers.
Result<model::FileText> read_token(std::string_view text) {
    bool visible = std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
    if (!visible || text.size() < kLeastToken || text.size() > kMostToken)
        return fail("this is no token; write {} to {} visible ASCII characters without blanks", kLeastToken,
                    kMostToken);
    return model::FileText(std::string(text));
}

Result<model::FileText> read_token_file(std::string_view path) {
    auto text = read_secret_file(std::string(path), "token file", kMostToken + 3);
    if (!text) return propagate(text);
    std::string_view token = *text;
    if (token.ends_with('\n')) token.remove_suffix(1);
    if (token.ends_with('\r')) token.remove_suffix(1);
    auto read = read_token(token);
    if (!read) return propagate(read, fmt::format("'{}'", path));
    return read;
}

void read_token_files(const Node& node, model::Admin& admin, Mistakes& mistakes) {
    Fields fields(node, kAdminToken, "token", node.place, mistakes);
    if (!fields.find("operator_file") && !fields.find("viewer_file"))
        mistakes.add(node.place, "nobody has a token; add operator_file or viewer_file");
    fields.parsed("operator_file", read_token_file, admin.operator_token);
    fields.parsed("viewer_file", read_token_file, admin.viewer_token);
    if (!admin.viewer_token.empty() && admin.viewer_token == admin.operator_token)
        mistakes.add(fields.place_of("viewer_file"),
                     "viewers and operators have the same token; give each their own");
}

void read_tokens(const Fields& fields, model::Admin& admin, Mistakes& mistakes) {
    const Node* node = fields.find("token");
    if (node && node->kind == Node::Kind::mapping)
        read_token_files(*node, admin, mistakes);
    else
        fields.parsed("token", read_token, admin.operator_token);
}

}  // namespace

model::Admin read_admin(const Node& node, Mistakes& mistakes) {
    Fields fields(node, kAdmin, "admin", node.place, mistakes);
    model::Admin admin;
    fields.parsed("listen", net::Endpoint::parse, admin.listen);
    if (const Node* tls = fields.mapping("tls")) {
        Fields files(*tls, kAdminTls, "tls", tls->place, mistakes);
        read_own_certificate(files, admin.certificate, admin.key, mistakes);
    }
    read_tokens(fields, admin, mistakes);
    if (!admin.listen || admin.listen->address.is_loopback()) return admin;
    for (auto [name, why] :
         {std::pair("tls", "strangers would read along"), std::pair("token", "anybody could use it")})
        if (!fields.find(name))
            mistakes.add(fields.place_of("listen"),
                         "{} is not on loopback, and without '{}' {}; add that, or listen on 127.0.0.1:{}",
                         admin.listen->text(), name, why, admin.listen->port.value());
    return admin;
}

}  // namespace weir::config
