// The server is a Kubernetes API server for custom resources, with an etcd of its own, for controllers that `make bench`
// measures.
//
// It is k8s.io/apiextensions-apiserver, the part of kube-apiserver that serves custom resources. It keeps everything in
// the folder that its argument names, listens on 127.0.0.1, and writes one line when it is ready: the path of a
// kubeconfig. It ends when its standard input does.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/pflag"
	"go.etcd.io/etcd/server/v3/embed"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apiextensions-apiserver/pkg/cmd/server/options"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const startTimeout = time.Minute

// etcd starts a store in a folder and returns its address. Nothing is to survive this process, so it does not wait for
// the disk.
func etcd(folder string) (string, error) {
	config := embed.NewConfig()
	config.Dir = folder
	config.UnsafeNoFsync = true
	config.LogLevel = "error"
	client, err := freeAddress()
	if err != nil {
		return "", err
	}
	peer, err := freeAddress()
	if err != nil {
		return "", err
	}
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{*client}, []url.URL{*client}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{*peer}, []url.URL{*peer}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	store, err := embed.StartEtcd(config)
	if err != nil {
		return "", err
	}
	select {
	case <-store.Server.ReadyNotify():
		return client.String(), nil
	case <-time.After(startTimeout):
		return "", errors.New("etcd is not ready in time")
	}
}

func freeAddress() (*url.URL, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	return url.Parse("http://" + listener.Addr().String())
}

// apiServer starts the server with its data in a folder and returns how it can be reached with all rights.
func apiServer(ctx context.Context, folder string) (*rest.Config, error) {
	store, err := etcd(filepath.Join(folder, "etcd"))
	if err != nil {
		return nil, err
	}
	given, err := serverOptions(folder, store)
	if err != nil {
		return nil, err
	}
	config, err := given.Config()
	if err != nil {
		return nil, err
	}
	groups := &groupList{DelegationTarget: genericapiserver.NewEmptyDelegate()}
	server, err := config.Complete().New(groups)
	if err != nil {
		return nil, err
	}
	groups.handler = server.GenericAPIServer.AggregatedDiscoveryGroupManager
	server.GenericAPIServer.Handler.NonGoRestfulMux.HandlePrefix("/api/v1/", &eventStore{events: map[string][]byte{}})
	go func() {
		if err := server.GenericAPIServer.PrepareRun().RunWithContext(ctx); err != nil {
			fail(err)
		}
	}()
	found := server.GenericAPIServer.LoopbackClientConfig
	return found, waitFor(ctx, found)
}

// serverOptions are those with which the server runs alone, as its own tests run it.
func serverOptions(folder, store string) (*options.CustomResourceDefinitionsServerOptions, error) {
	// There is no kube-apiserver to ask who somebody is and what they may, but the options want to know where it is.
	nowhere := filepath.Join(folder, "nowhere")
	if err := writeKubeconfig(nowhere, &rest.Config{Host: "https://127.0.0.1:1"}); err != nil {
		return nil, err
	}
	given := options.NewCustomResourceDefinitionsServerOptions(os.Stdout, os.Stderr)
	flags := pflag.NewFlagSet("server", pflag.ContinueOnError)
	given.AddFlags(flags)
	if err := flags.Parse([]string{
		"--etcd-servers", store,
		"--authentication-skip-lookup",
		"--authentication-kubeconfig", nowhere,
		"--authorization-kubeconfig", nowhere,
		"--kubeconfig", nowhere,
		"--enable-priority-and-fairness=false",
		"--disable-admission-plugins", "NamespaceLifecycle,MutatingAdmissionWebhook,ValidatingAdmissionWebhook," +
			"ValidatingAdmissionPolicy,MutatingAdmissionPolicy",
		"--bind-address", "127.0.0.1",
		"--cert-dir", filepath.Join(folder, "certificates"),
	}); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	given.RecommendedOptions.SecureServing.Listener = listener
	given.RecommendedOptions.SecureServing.BindPort = listener.Addr().(*net.TCPAddr).Port
	if err := given.Complete(); err != nil {
		return nil, err
	}
	return given, given.Validate()
}

// groupList answers what the server leaves to others: which groups of resources there are. In kube-apiserver, the part
// that merges all servers does that.
type groupList struct {
	genericapiserver.DelegationTarget
	handler http.Handler
}

func (list *groupList) UnprotectedHandler() http.Handler {
	return http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		if list.handler == nil || request.URL.Path != "/apis" {
			http.NotFound(response, request)
			return
		}
		list.handler.ServeHTTP(response, request)
	})
}

// eventStore keeps Events, which are no custom resources, in memory: they cost their senders the same this way.
type eventStore struct {
	lock   sync.Mutex
	events map[string][]byte
}

func (store *eventStore) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err == nil && request.Method == http.MethodPost {
		body, err = store.created(request.URL.Path, body)
	} else if err == nil && request.Method == http.MethodPatch {
		body, err = store.patched(request.URL.Path, body)
	} else if err == nil {
		http.NotFound(response, request)
		return
	}
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	response.Header().Set("Content-Type", "application/json")
	_, _ = response.Write(body)
}

func (store *eventStore) created(path string, body []byte) ([]byte, error) {
	event := corev1.Event{}
	if _, _, err := scheme.Codecs.UniversalDeserializer().Decode(body, nil, &event); err != nil {
		return nil, err
	}
	event.APIVersion, event.Kind = "v1", "Event"
	content, err := json.Marshal(event)
	store.lock.Lock()
	defer store.lock.Unlock()
	store.events[path+"/"+event.Name] = content
	return content, err
}

func (store *eventStore) patched(path string, patch []byte) ([]byte, error) {
	store.lock.Lock()
	defer store.lock.Unlock()
	content, err := strategicpatch.StrategicMergePatch(store.events[path], patch, corev1.Event{})
	store.events[path] = content
	return content, err
}

func waitFor(ctx context.Context, server *rest.Config) error {
	client, err := rest.HTTPClientFor(server)
	if err != nil {
		return err
	}
	end := time.Now().Add(startTimeout)
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.Host+"/healthz", nil)
		if err != nil {
			return err
		}
		answer, err := client.Do(request)
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
			err = errors.New(answer.Status)
		}
		if time.Now().After(end) {
			return fmt.Errorf("the API server is not ready in time: %w", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// writeKubeconfig writes it as JSON, which is YAML, too.
func writeKubeconfig(path string, server *rest.Config) error {
	const name = "bench"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{
		Server:                   server.Host,
		CertificateAuthorityData: server.CAData,
		TLSServerName:            server.ServerName,
	}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: server.BearerToken}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	return clientcmd.WriteToFile(*config, path)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func main() {
	folder := os.Args[1]
	server, err := apiServer(context.Background(), folder)
	if err != nil {
		fail(err)
	}
	path := filepath.Join(folder, "kubeconfig")
	if err := writeKubeconfig(path, server); err != nil {
		fail(err)
	}
	fmt.Println(path)
	// Whoever started this server holds the other end.
	_, _ = io.Copy(io.Discard, os.Stdin)
}
