/* One end of a VLAN trunk, for kernels without VLAN devices. What leaves gets the tag of the prefix that its
 * next station is in: an IP packet's destination, the address that ARP asks for or answers to, the target of
 * neighbour discovery. What comes loses its tag before the stack would drop it as somebody else's. IEEE
 * 802.1Q; a second tag behind the first stays where it is. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "lab/bpf/vlan_abi.h"

enum { VLAN_ID = 0xfff, ARP_TARGET = 24, ND_SOLICITATION = 135, ND_ADVERTISEMENT = 136, ND_TARGET = 8 };

const volatile __u8 untagged; /* what is in no VLAN passes; else it is dropped */

__u64 sent[VLAN_IDS];
__u64 received[VLAN_IDS];
__u64 dropped;
__u64 seen[VLAN_IDS]; /* by XDP */

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 256);
    __type(key, struct vlan_prefix);
    __type(value, __u16); /* the VLAN's id */
} prefixes SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 256);
    __type(key, __u16);
    __type(value, __u8);
} ids SEC(".maps");

static __always_inline void count(__u64* counter) {
    __sync_fetch_and_add(counter, 1);
}

static __always_inline int in_no_vlan(void) {
    if (untagged) return TC_ACT_UNSPEC;
    count(&dropped);
    return TC_ACT_SHOT;
}

static __always_inline bool take_ipv4(struct __sk_buff* skb, __u32 at, struct vlan_prefix* to) {
    to->family = VLAN_V4;
    to->bits = 64;
    return !bpf_skb_load_bytes(skb, ETH_HLEN + at, to->word, 4);
}

static __always_inline bool take_ipv6(struct __sk_buff* skb, struct vlan_prefix* to) {
    struct ipv6hdr ip;
    __u8 type;
    to->family = VLAN_V6;
    to->bits = 160;
    if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof ip)) return false;
    __builtin_memcpy(to->word, &ip.daddr, sizeof to->word);
    __u32 icmp = ETH_HLEN + sizeof ip;
    if (ip.nexthdr != IPPROTO_ICMPV6 || bpf_skb_load_bytes(skb, icmp, &type, 1)) return true;
    if (type != ND_SOLICITATION && type != ND_ADVERTISEMENT) return true;
    return !bpf_skb_load_bytes(skb, icmp + ND_TARGET, to->word, sizeof to->word);
}

static __always_inline bool take_station(struct __sk_buff* skb, struct vlan_prefix* to) {
    if (skb->protocol == bpf_htons(ETH_P_IP)) return take_ipv4(skb, offsetof(struct iphdr, daddr), to);
    if (skb->protocol == bpf_htons(ETH_P_ARP)) return take_ipv4(skb, ARP_TARGET, to);
    return skb->protocol == bpf_htons(ETH_P_IPV6) && take_ipv6(skb, to);
}

SEC("tc")
int push_tag(struct __sk_buff* skb) {
    struct vlan_prefix to = {};
    if (skb->vlan_present || skb->protocol == bpf_htons(ETH_P_8021Q)) return TC_ACT_UNSPEC;
    __u16* id = take_station(skb, &to) ? bpf_map_lookup_elem(&prefixes, &to) : NULL;
    if (!id) return in_no_vlan();
    if (bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), *id)) {
        count(&dropped);
        return TC_ACT_SHOT;
    }
    count(&sent[*id & VLAN_ID]);
    return TC_ACT_UNSPEC;
}

SEC("tc")
int pop_tag(struct __sk_buff* skb) {
    if (!skb->vlan_present) return in_no_vlan();
    __u16 id = skb->vlan_tci & VLAN_ID;
    if (!bpf_map_lookup_elem(&ids, &id) || bpf_skb_vlan_pop(skb)) {
        count(&dropped);
        return TC_ACT_SHOT;
    }
    count(&received[id & VLAN_ID]);
    return TC_ACT_UNSPEC;
}

SEC("xdp")
int see_tag(struct xdp_md* ctx) {
    __be16* type = (void*)(long)ctx->data + offsetof(struct ethhdr, h_proto);
    __be16* tci = type + 1;
    if ((void*)(tci + 1) > (void*)(long)ctx->data_end) return XDP_PASS;
    if (*type != bpf_htons(ETH_P_8021Q)) return XDP_PASS;
    __u32 id = bpf_ntohs(*tci);
    barrier_var(id); /* else the mask moves to where Linux 6.1's verifier does not see what it does */
    count(&seen[id & VLAN_ID]);
    return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
