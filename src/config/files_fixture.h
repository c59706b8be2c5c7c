// For tests of settings that name files: a directory with a certificate and its key.
#pragma once

#include <gtest/gtest.h>

#include "base/pem_fixture.h"
#include "base/temp_dir_fixture.h"

namespace weir::config {

class FilesFixture : public testing::Test {
  protected:
    std::string write(const std::string& name, const std::string& text, mode_t mode = 0600) const {
        return directory_.write(name, text, mode);
    }

    const TempDir directory_;
    const MadeCertificate own_ = make_certificate({.names = "DNS:balancer.example.org"});
    const std::string certificate_ = write("certificate", own_.certificate);
    const std::string key_ = write("key", own_.key);
};

}  // namespace weir::config
