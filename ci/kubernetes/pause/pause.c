/* pause holds a pod's namespaces: it waits until it is told to end, and reaps the children that
 * processes of the pod leave to it where they share a PID namespace. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void reap_children(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

int main(int argc, char **argv)
{
	sigset_t signals;
	int signal_number;

	if (argc > 1 && strcmp(argv[1], "-v") == 0) {
		puts("pause");
		return 0;
	}

	/* Blocked signals are taken one by one from sigwait, so nothing runs in a handler. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0) {
		perror("pause: block signals");
		return 1;
	}

	for (;;) {
		int error = sigwait(&signals, &signal_number);

		if (error == EINTR)
			continue;
		if (error != 0) {
			fprintf(stderr, "pause: wait for a signal: %s\n", strerror(error));
			return 2;
		}
		if (signal_number != SIGCHLD)
			return 0;
		reap_children();
	}
}
