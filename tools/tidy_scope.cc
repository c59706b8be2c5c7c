// A plugin that has clang-tidy look at this project's declarations only. By itself it visits those of the
// system and of Boost as well, anew with each file, and then says nothing of them: 16 seconds a file in place
// of 4.
#include <clang/AST/ASTConsumer.h>
#include <clang/AST/ASTContext.h>
#include <clang/Basic/SourceManager.h>
#include <clang/Frontend/FrontendAction.h>
#include <clang/Frontend/FrontendPluginRegistry.h>

#include <memory>
#include <string>
#include <vector>

namespace {

class Narrow final : public clang::ASTConsumer {
  public:
    void HandleTranslationUnit(clang::ASTContext& context) override {
        const auto& sources = context.getSourceManager();
        std::vector<clang::Decl*> ours;
        for (auto* declaration : context.getTranslationUnitDecl()->decls()) {
            auto at = sources.getExpansionLoc(declaration->getLocation());
            if (at.isValid() && !sources.isInSystemHeader(at)) ours.push_back(declaration);
        }
        context.setTraversalScope(ours);
    }
};

class Scope final : public clang::PluginASTAction {
  protected:
    std::unique_ptr<clang::ASTConsumer> CreateASTConsumer(clang::CompilerInstance&,
                                                          llvm::StringRef) override {
        return std::make_unique<Narrow>();
    }
    bool ParseArgs(const clang::CompilerInstance&, const std::vector<std::string>&) override { return true; }
    ActionType getActionType() override { return AddBeforeMainAction; }
};

const clang::FrontendPluginRegistry::Add<Scope> kScope("scope", "this project's declarations only");

}  // namespace
