// The mistakes that a service's checks can have, each with its exact place and words.
#include "config/mistakes_in.h"

namespace weir::config {
namespace {

TEST(Mistakes, OfChecks) {
    expect_all(
        {
            {"ping", "f:4:11: unknown check 'ping'; write tcp, syn, http, https, dns, exec, udp or icmp\n"},
            {"[tcp]", "f:4:11: the check is a list; write a mapping of its settings\n"},
            {"{port: 80}", "f:4:11: this check is of no kind; add 'tcp: {}' or 'http: {path: /}'\n"},
            {"{tcp: {}, http: {}}", "f:4:27: this check is of two kinds, tcp and http; write two checks\n"},
            {"{tcp: {port: 80}}",
             "f:4:18: 'port' is not a setting of tcp; it belongs to the check around it\n"},
            {"{tcp: {colour: red}}", "f:4:18: unknown key 'colour'; tcp takes send, expect\n"},
            {"{tcp: {send: 'PING\\r\\n'}}",
             "f:4:24: nobody would see whether this arrived; add 'expect', or leave 'send' out\n"},
            {"{tcp: {expect: '\\q'}}",
             "f:4:26: '\\q' is not an escape; write \\r, \\n, \\t, \\\\ or two hex digits as in \\x0a\n"},
            {"{http: {method: get}}", "f:4:27: unknown method 'get'; write GET, HEAD or OPTIONS\n"},
            {"{http: {method: HEAD, body: up}}",
             "f:4:39: an answer to HEAD has no body; leave 'body' out or write GET\n"},
            {"{http: {body: \"\"}}", "f:4:25: the text has 0 bytes; write 1 to 4096\n"},
            {"{http: {headers: {\"A b\": c}}}",
             "f:4:29: 'A b' is not a header's name; write one such as X-Check\n"},
            {"{http: {headers: {host: c}}}", "f:4:29: 'host' is not for 'headers'; weir writes it itself\n"},
            {"{http: {headers: {A: \"b\\r\\nHost: c\"}}}",
             "f:4:32: the header 'A' has no value of one line; write one without control characters or space "
             "at its ends\n"},
            {"{http: {headers: {A: b, a: c}}}",
             "f:4:35: the header 'a' stands here again; keep one of the two\n"},
            {"dns", "f:4:11: dns has no 'name'; add it, the name to ask for\n"},
            {"{dns: {name: a..b}}",
             "f:4:24: 'a..b' is not a name to ask for; write one such as www.example.com\n"},
            {"{dns: {name: a, type: AXFR}}",
             "f:4:33: unknown type 'AXFR'; write A, AAAA, CNAME, MX, NS, PTR, SOA, SRV or TXT\n"},
            {"{dns: {name: a, type: AAAA, expect: 192.0.2.1}}",
             "f:4:47: '192.0.2.1' is not what AAAA records hold; write an IPv6 address\n"},
            {"{dns: {name: a, rcode: NXDOMAIN, expect: 192.0.2.1}}",
             "f:4:52: there are no records with NXDOMAIN; leave one of the two out\n"},
            {"{dns: {name: a, carrier: sctp}}", "f:4:36: unknown carrier 'sctp'; write udp or tcp\n"},
            {"{exec: {}}",
             "f:4:18: exec has no 'command'; add it, a list of words, the first an absolute path\n"},
            {"{exec: {command: [check]}}", "f:4:28: 'check' is not an absolute path; begin with '/'\n"},
            {"{exec: {command: [/nonexistent]}}",
             "f:4:28: cannot find the program '/nonexistent'; give the path of one: No such file or "
             "directory\n"},
            {"{exec: {command: [/etc/passwd]}}",
             "f:4:28: '/etc/passwd' is not a program; give the path of an executable file\n"},
            {"{exec: {command: [/bin/sh, [a]]}}", "f:4:38: an item of 'command' is a list; write a word\n"},
            {"{exec: {command: [/bin/sh], user: no such user}}",
             "f:4:45: there is no user 'no such user' on this host; write the name of one\n"},
            {"udp", "f:4:11: udp has no 'send'; add it, text with escapes\n"},
            {"{udp: {expect: a}}", "f:4:17: udp has no 'send'; add it, text with escapes\n"},
            {fmt::format("{{udp: {{send: {}}}}}", std::string(1025, 'a')),
             "f:4:24: this is 1025 bytes long, too long for one packet; write 1024 at most\n"},
            {"{icmp: {}, port: 80}", "f:4:28: echo requests go to no port; leave 'port' out\n"},
            {"{syn: {port: 80}}",
             "f:4:18: 'port' is not a setting of syn; it belongs to the check around it\n"},
            {"{https: {path: alive}}",
             "f:4:26: 'alive' is not a path; write one such as /alive, with %20 for a space\n"},
            {"{https: {sni: 192.0.2.1}}",
             "f:4:25: '192.0.2.1' is not a host's name; write one such as www.example.com\n"},
            {"{https: {ca_file: ca.pem}}",
             "f:4:29: 'ca.pem' is not an absolute path, as a certificate file's must be; begin with '/'\n"},
            {"{https: {ca_file: /nonexistent/ca.pem}}",
             "f:4:29: cannot open '/nonexistent/ca.pem', the certificate file; give the path of a readable "
             "file: "
             "No such file or directory\n"},
            {"{https: {ca_file: /dev/zero}}",
             "f:4:29: '/dev/zero' is not a regular file; give the path of a certificate file\n"},
            {"{https: {ca_file: /etc/passwd}}",
             "f:4:29: '/etc/passwd' is no certificate file: there is no certificate in PEM\n"},
            {"{https: {key: /etc/passwd}}",
             "f:4:25: '/etc/passwd' is no key file: there is no private key in PEM, or it is under a "
             "passphrase\n"
             "f:4:25: 'key' without 'certificate' is of no use; add that\n"},
            {"{https: {expiry_warning: 30m}}",
             "f:4:36: 30m is not a whole number of hours; 'expiry_warning' counts in hours\n"},
            {"{https: {expiry_warning: 366d}}",
             "f:4:36: 366d is out of range; 'expiry_warning' takes a duration from 0s to 365d\n"},
            {"{http: {path: alive}}",
             "f:4:25: 'alive' is not a path; write one such as /alive, with %20 for a space\n"},
            {"{http: {path: \"/a\\r\\nX: y\"}}",
             "f:4:25: '/a\\x0d\\x0aX: y' is not a path; write one such as /alive, with %20 for a space\n"},
            {"{http: {host: \"a b\"}}",
             "f:4:25: 'a b' is not a host; write a name such as www.example.com, with :PORT if need be\n"},
            {"{http: {host: \"2001:db8::1\"}}",
             "f:4:25: '2001:db8::1' is not a host; write a name such as www.example.com, with :PORT if need "
             "be\n"},
            {"{http: {host: \":8443\"}}",
             "f:4:25: ':8443' is not a host; write a name such as www.example.com, with :PORT if need be\n"},
            {"{http: {host: \"a:b:c\"}}",
             "f:4:25: 'a:b:c' is not a host; write a name such as www.example.com, with :PORT if need be\n"},
            {"{http: {host: \"[192.0.2.1]\"}}",
             "f:4:25: '[192.0.2.1]' is not a host; write a name such as www.example.com, with :PORT if need "
             "be\n"},
            {"{http: {host: \"[2001:db8::1\"}}",
             "f:4:25: '[2001:db8::1' is not a host; write a name such as www.example.com, with :PORT if need "
             "be\n"},
            {"{http: {host: \"www:0\"}}",
             "f:4:25: 'www:0' is not a host; write a name such as www.example.com, with :PORT if need be\n"},
            {"{http: {expect: 600}}",
             "f:4:27: '600' is not a status or a range of statuses; write 200 or 200-299, from 100 to 599\n"},
            {"{http: {expect: [299-200, [1]]}}",
             "f:4:28: '299-200' is not a status or a range of statuses; write 200 or 200-299, from 100 to "
             "599\n"
             "f:4:37: an item of 'expect' is a list; write a status or a range of statuses\n"},
            {"{http: {expect: []}}",
             "f:4:27: 'expect' is an empty list; write a list of statuses and ranges of statuses, or one\n"},
            {"{tcp: {}, port: 65536}",
             "f:4:27: 65536 is out of range; 'port' takes a number from 1 to 65535\n"},
            {"{tcp: {}, interval: 99ms}",
             "f:4:31: 99ms is out of range; 'interval' takes a duration from 100ms to 1h\n"},
            {"{tcp: {}, interval: 1s, timeout: 2s}",
             "f:4:44: the timeout 2s is longer than the interval 1s; write 1s at most\n"},
            {"{tcp: {}, history: 65}", "f:4:30: 65 is out of range; 'history' takes a number from 1 to 64\n"},
            {"{tcp: {}, history: 3, rise: 4}",
             "f:4:39: 'rise' is 4 of the last 3, which never happens; write 3 at most, or a longer "
             "history\n"},
            {"{tcp: {}, fall: 6}",
             "f:4:27: 'fall' is 6 of the last 5, which never happens; write 5 at most, or a longer "
             "history\n"},
        },
        fmt::format("{}{}services: {{s: {{vip: 192.0.2.9, ports: 80, pool: p, checks: [\n          ",
                    kInterfaces, kPools),
        "]}}\n");
}

}  // namespace
}  // namespace weir::config
