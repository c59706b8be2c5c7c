/* Process 1 of tests/vm/run's guest: both the initrd's /init and, because it stays, the whole of the guest's
 * system. Static, so that it runs before there is a root; C and not a shell script, because a process costs
 * 40 ms in an emulated guest.
 *
 * Arguments, behind "--" on the kernel's command line: vm ROOT SHARE MODULES
 *   ROOT     how the host's root is reached: virtiofs (QEMU), or hostfs (User-Mode Linux: it is / already)
 *   SHARE    a directory of the host's: the only one that stays writable
 *   MODULES  the host's directory to be seen as /lib/modules
 * Lays a throw-away overlay over the host's root, runs `sh SHARE/command`, writes its exit status to
 * SHARE/status and powers off. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { PORT_TRIES = 200, PORT_WAIT_US = 10000 };

static void power_off(void) {
    sync();
    reboot(RB_POWER_OFF);
    _exit(1);
}

static void die(const char* what) {
    fprintf(stderr, "init: %s: %s\n", what, strerror(errno));
    power_off();
}

/* Never freed: this process makes a few dozen, once. */
__attribute__((format(printf, 1, 2))) static char* text(const char* format, ...) {
    char* made;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&made, format, arguments) < 0) die("no memory");
    va_end(arguments);
    return made;
}

/* ---- the root */

static void load_module(const char* path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) die(path);
    if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST) die(path);
    close(fd);
}

static void load_modules(const char* list) {
    FILE* file = fopen(list, "re");
    char line[256];
    if (!file) die(list);
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        load_module(line);
    }
    fclose(file);
}

static void make_folders(const char* path) {
    char* part = text("%s", path);
    for (char* at = part + 1; *at; at++) {
        if (*at != '/') continue;
        *at = 0;
        mkdir(part, 0755);
        *at = '/';
    }
    mkdir(part, 0755);
}

static void mount_at(const char* type, const char* source, const char* at, unsigned long flags,
                     const char* options) {
    make_folders(at);
    if (mount(source, at, type, flags, options) < 0) die(text("mount %s at %s", type ? type : source, at));
}

/* Mounts what a system has below `root`, over the host's root at `lower`; what is written goes to memory. */
static void fill_root(const char* root, const char* lower, const char* upper, const char* host_modules) {
    make_folders(text("%s/data", upper));
    make_folders(text("%s/work", upper));
    mount_at("overlay", "overlay", root, 0,
             text("lowerdir=%s,upperdir=%s/data,workdir=%s/work", lower, upper, upper));
    mount_at("proc", "proc", text("%s/proc", root), 0, NULL);
    mount_at("sysfs", "sysfs", text("%s/sys", root), 0, NULL);
    mount_at("cgroup2", "cgroup2", text("%s/sys/fs/cgroup", root), 0, NULL);
    mount_at("bpf", "bpf", text("%s/sys/fs/bpf", root), 0, NULL);
    mount_at("devtmpfs", "dev", text("%s/dev", root), 0, NULL);
    mount_at("devpts", "devpts", text("%s/dev/pts", root), 0, "mode=620,ptmxmode=666");
    mount_at("tmpfs", "tmpfs", text("%s/dev/shm", root), 0, "mode=1777");
    mount_at("tmpfs", "tmpfs", text("%s/run", root), 0, "mode=755");
    mount_at(NULL, host_modules, text("%s/lib/modules", root), MS_BIND, NULL);
}

static void mount_root_of_qemu(const char* share, const char* modules) {
    load_modules("/modules");
    mount_at("virtiofs", "root", "/lower", 0, NULL);
    mount_at("tmpfs", "tmpfs", "/upper", 0, "mode=755");
    fill_root("/root", "/lower", "/upper", text("/lower%s", modules));
    mount_at(NULL, text("/lower%s", share), text("/root%s", share), MS_BIND, NULL);
    if (chdir("/root") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0) die("move the root");
    if (chroot(".") < 0 || chdir("/") < 0) die("enter the root");
}

static void mount_root_of_uml(const char* share, const char* modules) {
    struct utsname kernel;
    uname(&kernel);
    if (mount("tmpfs", "/mnt", "tmpfs", 0, "mode=755") < 0) die("mount /mnt");
    load_module(text("%s/%s/kernel/fs/overlayfs/overlay.ko", modules, kernel.release));
    fill_root("/mnt/root", "/", "/mnt/upper", modules);
    mount_at("hostfs", "none", text("/mnt/root%s", share), 0, share);
    if (chdir("/mnt/root") < 0 || mkdir(".before", 0755) < 0) die("enter the root");
    if (syscall(SYS_pivot_root, ".", ".before") < 0 || chroot(".") < 0) die("change the root");
    umount2("/.before", MNT_DETACH);
    rmdir("/.before");
}

static void make_links(void) {
    symlink("/proc/self/fd", "/dev/fd");
    symlink("/proc/self/fd/0", "/dev/stdin");
    symlink("/proc/self/fd/1", "/dev/stdout");
    symlink("/proc/self/fd/2", "/dev/stderr");
}

static void set_up_loopback(void) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0) die("lo");
    close(fd);
}

/* ---- the command */

static int is_named(const char* port, const char* name) {
    char line[64] = "";
    int fd = open(text("/sys/class/virtio-ports/%s/name", port), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t size = read(fd, line, sizeof line - 1);
    close(fd);
    if (size > 0 && line[size - 1] == '\n') line[size - 1] = 0;
    return size > 0 && !strcmp(line, name);
}

static int open_serial(const char* path) {
    struct termios raw;
    int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || tcgetattr(fd, &raw) < 0) die(path);
    cfmakeraw(&raw);
    tcsetattr(fd, TCSANOW, &raw);
    return fd;
}

/* The virtio-serial port of this name; it appears a moment after its driver. */
static int open_port(const char* name) {
    for (int tries = 0; tries < PORT_TRIES; tries++) {
        DIR* ports = opendir("/sys/class/virtio-ports");
        struct dirent* port;
        while (ports && (port = readdir(ports))) {
            if (!is_named(port->d_name, name)) continue;
            int fd = open(text("/dev/%s", port->d_name), O_WRONLY | O_CLOEXEC);
            closedir(ports);
            if (fd < 0) die(name);
            return fd;
        }
        if (ports) closedir(ports);
        usleep(PORT_WAIT_US);
    }
    die(name);
    return -1;
}

static pid_t start(const char* share, int out, int err) {
    pid_t pid = fork();
    if (pid < 0) die("fork");
    if (pid > 0) return pid;
    setsid();
    int in = open("/dev/null", O_RDONLY);
    dup2(in, 0);
    dup2(out, 1);
    dup2(err, 2);
    char* path[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
    execle("/bin/sh", "sh", text("%s/command", share), NULL, path);
    _exit(127);
}

static int wait_for(pid_t command) {
    int status = 0;
    for (pid_t ended; (ended = wait(&status)) != command;) /* orphans are ours to bury */
        if (ended < 0 && errno != EINTR) die("wait");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int count, char** words) {
    int at = 1; /* the kernel may put words of its own before ours */
    while (at < count && strcmp(words[at], "vm")) at++;
    if (at + 3 >= count) die("arguments");
    const int is_uml = !strcmp(words[at + 1], "hostfs");
    const char* share = words[at + 2];
    if (is_uml)
        mount_root_of_uml(share, words[at + 3]);
    else
        mount_root_of_qemu(share, words[at + 3]);
    mount("", "/", NULL, MS_SHARED | MS_REC, NULL);
    make_links();
    sethostname("vm", 2);
    set_up_loopback();
    int out = is_uml ? open_serial("/dev/ttyS0") : open_port("out");
    int err = is_uml ? open_serial("/dev/ttyS1") : open_port("err");
    int status = wait_for(start(share, out, err));
    if (is_uml) {
        tcdrain(out);
        tcdrain(err);
    }
    FILE* file = fopen(text("%s/status", share), "we");
    if (!file) die("status");
    fprintf(file, "%d\n", status);
    fclose(file);
    power_off();
}
