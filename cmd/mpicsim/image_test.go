package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"github.com/onsi/gomega/gexec"

	"mpicsim/perspectives/remote"
)

// containerUser is the image's.
const containerUser = 65532

// TestImage builds the image as `make image` does and starts what is in it, in its
// root file system: a perspective that runs as nobody in particular, finds nothing
// that it could write to, says that it is healthy, answers a partner and drains.
func TestImage(t *testing.T) {
	for _, tool := range []string{"buildah", "make"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the image is not tested: %v; `make packages` installs it on Debian", err)
		}
	}
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		t.Skip("the image is not tested: its root file system wants a root's chroot, on Linux")
	}
	b := newBuildah(t)
	const image = "localhost/mpicsim:test"
	b.run("make", "--directory", "../..", "image", "BUILDER=buildah", "IMAGE="+image)
	b.expectImage(image)
	container := strings.TrimSpace(b.run("buildah", "from", image))
	root := strings.TrimSpace(b.run("buildah", "mount", container))
	b.g.Expect(filesBelow(b.g, root)).To(ConsistOf("LICENSE", "mpicsim"))

	dir := filepath.Join(t.TempDir(), "pki")
	d := &deployment{tb: t, g: b.g, dir: dir}
	out, code := d.run("keys", "new", "--perspectives", "example-two-remotes", "-o", dir)
	b.g.Expect(code).To(Equal(exitDone), out)
	config := d.path("perspectives/aws-us-west-2/perspective.json")
	edit(b.g, config, func(f *perspectiveFile) { f.Listen, f.HealthListen, f.LogDir = "127.0.0.1:0", "127.0.0.1:0", "" })
	b.g.Expect(filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, containerUser, containerUser)
	})).To(Succeed())

	inside := "/" + filepath.Base(filepath.Dir(dir)) + strconv.Itoa(os.Getpid()) // found again by its name
	at := inside + "/perspectives/aws-us-west-2/perspective.json"
	serving := b.start("buildah", "run", "--volume", dir+":"+inside+":ro", container, "--", "/mpicsim", "serve", "perspective", "--config", at)
	listen := d.said(serving, `"msg":"serving","perspective":"[^"]+","listen":"([^"]+)"`)
	health := "http://" + d.said(serving, `"msg":"serving health","listen":"([^"]+)"`)
	pid := processWith(b.g, "/mpicsim\x00serve\x00perspective\x00--config\x00"+at)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	b.g.Expect(err).NotTo(HaveOccurred())
	user := strconv.Itoa(containerUser)
	b.g.Expect(string(status)).To(And(
		ContainSubstring("\nUid:\t"+strings.Join([]string{user, user, user, user}, "\t")+"\n"),
		ContainSubstring("\nGid:\t"+strings.Join([]string{user, user, user, user}, "\t")+"\n"),
		ContainSubstring("\nCapEff:\t0000000000000000\n"),
	))
	b.g.Expect(writableBelow(b.g, root)).To(BeEmpty(), "as good as a read-only root")
	b.g.Expect(b.run("buildah", "run", container, "--", "/mpicsim", "health", health)).To(ContainSubstring(`{"status":"healthy"}`))

	edit(b.g, d.path(remotesPath), func(f *remote.RemotesFile) { f.Remotes[0].URL = "https://" + listen })
	_, clients, err := remote.ReadRemotes(d.path(remotesPath), remote.ClientConfig{Clock: time.Now})
	b.g.Expect(err).NotTo(HaveOccurred())
	info, err := clients[0].Info(t.Context())
	b.g.Expect(err).NotTo(HaveOccurred())
	b.g.Expect(info.Perspective.Name).To(Equal("aws/us-west-2"))
	clients[0].Close()

	b.g.Expect(syscall.Kill(pid, syscall.SIGTERM)).To(Succeed())
	b.g.Eventually(serving, patience).Should(gexec.Exit(exitDone))
	b.g.Expect(serving.Err).To(gbytes.Say(`"msg":"stopped"`))
	b.run("buildah", "umount", container)
	b.run("buildah", "rm", container)
}

// buildah runs commands with a storage of their own, which goes with the test.
type buildah struct {
	t   *testing.T
	g   *WithT
	env []string
}

func newBuildah(t *testing.T) *buildah {
	b := &buildah{t: t, g: NewWithT(t)}
	dir := t.TempDir()
	config := filepath.Join(dir, "storage.conf")
	text := fmt.Sprintf("[storage]\ndriver = \"vfs\"\ngraphroot = %q\nrunroot = %q\n", filepath.Join(dir, "graph"), filepath.Join(dir, "run"))
	b.g.Expect(os.WriteFile(config, []byte(text), 0o600)).To(Succeed())
	b.env = append(os.Environ(), "CONTAINERS_STORAGE_CONF="+config, "BUILDAH_ISOLATION=chroot", "MAKEFLAGS=")
	return b
}

func (b *buildah) start(name string, args ...string) *gexec.Session {
	b.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = b.env
	session, err := gexec.Start(cmd, nil, nil)
	b.g.Expect(err).NotTo(HaveOccurred())
	b.t.Cleanup(func() { <-session.Kill().Exited })
	return session
}

// run returns what a command prints, which must succeed.
func (b *buildah) run(name string, args ...string) string {
	b.t.Helper()
	session := b.start(name, args...)
	b.g.Eventually(session, 10*patience).Should(gexec.Exit(), "%s %v", name, args)
	b.g.Expect(session.ExitCode()).To(BeZero(), "%s %v: %s", name, args, session.Err.Contents())
	return string(session.Out.Contents())
}

// expectImage looks at what the image says about itself.
func (b *buildah) expectImage(image string) {
	b.t.Helper()
	var inspected struct {
		Docker struct {
			Config struct {
				User, WorkingDir string
				Entrypoint, Cmd  []string
				Healthcheck      struct{ Test []string }
			} `json:"config"`
		}
	}
	b.g.Expect(json.Unmarshal([]byte(b.run("buildah", "inspect", "--type", "image", image)), &inspected)).To(Succeed())
	config := inspected.Docker.Config
	b.g.Expect(config.User).To(Equal(fmt.Sprintf("%d:%d", containerUser, containerUser)))
	b.g.Expect(config.Entrypoint).To(Equal([]string{"/mpicsim"}))
	b.g.Expect(lineError(config.Cmd)).To(Succeed())
	b.g.Expect(config.Healthcheck.Test[:2]).To(Equal([]string{"CMD", "/mpicsim"}))
	b.g.Expect(lineError(config.Healthcheck.Test[2:])).To(Succeed())
}

// filesBelow lists what is in a folder and no folder itself.
func filesBelow(g *WithT, root string) []string {
	var files []string
	g.Expect(filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			path, err = filepath.Rel(root, path)
			files = append(files, path)
		}
		return err
	})).To(Succeed())
	return files
}

// writableBelow lists what the container's user could write to in a folder, by
// owner and mode.
func writableBelow(g *WithT, root string) []string {
	var files []string
	g.Expect(filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var stat syscall.Stat_t
		if err := syscall.Lstat(path, &stat); err != nil {
			return err
		}
		if stat.Uid == containerUser || stat.Gid == containerUser || stat.Mode&0o002 != 0 && stat.Mode&syscall.S_IFMT != syscall.S_IFLNK {
			files = append(files, path)
		}
		return nil
	})).To(Succeed())
	return files
}

// processWith returns the process with a command line.
func processWith(g *WithT, commandLine string) int {
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	g.Expect(err).NotTo(HaveOccurred())
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err == nil && strings.TrimSuffix(string(text), "\x00") == commandLine {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			g.Expect(err).NotTo(HaveOccurred())
			return pid
		}
	}
	g.Expect(commandLine).To(BeEmpty(), "no process has this command line")
	return 0
}
