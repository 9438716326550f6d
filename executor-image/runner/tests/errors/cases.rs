//! The mistakes.

/// One mistake.
pub struct Case {
    /// In a few words.
    pub title: &'static str,
    /// The playbook that makes it.
    pub playbook: &'static str,
    /// Where it is played.
    pub place: Place,
    /// Further arguments.
    pub arguments: &'static [&'static str],
    /// Whether Ansible passes on what a program of the system says, in whatever words of its version.
    pub is_of_system: bool,
    /// What our message must contain, besides the place.
    pub says: &'static [&'static str],
}

/// Where a case is played.
pub enum Place {
    /// On this machine.
    Local,
    /// On a server, with a key of the test's server, and the key that the server is known by.
    Server { key: &'static str, known: &'static str },
}

const fn local(title: &'static str, says: &'static [&'static str], playbook: &'static str) -> Case {
    Case {
        title,
        playbook,
        place: Place::Local,
        arguments: &[],
        is_of_system: false,
        says,
    }
}

const PING: &str = "- hosts: all\n  gather_facts: false\n  tasks:\n    - name: Reach the host\n      ansible.builtin.ping:\n";

pub const CASES: &[Case] = &[
    local(
        "An unknown module",
        &["did you mean", "ansible.builtin.copy", "^"],
        "- hosts: all
  gather_facts: false
  tasks:
    - name: Copy the page
      ansible.builtin.copi:
        src: index.html
        dest: /srv/index.html
",
    ),
    local(
        "A misspelt keyword",
        &["did you mean \"when\"", "^"],
        "- hosts: all
  gather_facts: false
  tasks:
    - name: Say something
      ansible.builtin.debug:
        msg: hello
      wehn: true
",
    ),
    local(
        "A misspelt argument",
        &["did you mean \"state\"", "^"],
        "- hosts: all
  gather_facts: false
  tasks:
    - name: Make a directory
      ansible.builtin.file:
        path: /tmp/example
        stat: directory
",
    ),
    local(
        "A missing argument",
        &["\"path\"", "^"],
        "- hosts: all
  gather_facts: false
  tasks:
    - name: Make a directory
      ansible.builtin.file:
        state: directory
",
    ),
    local(
        "Defaults of a group of modules that nobody has",
        &[
            "could not resolve the module_defaults group ansible.builtin.k8",
            "^",
        ],
        "- hosts: all
  gather_facts: false
  module_defaults:
    group/k8:
      kubeconfig: /root/.kube/config
  tasks:
    - name: Reach the host
      ansible.builtin.ping:
",
    ),
    Case {
        // Python lists a set in an order of its own.
        is_of_system: true,
        ..local(
            "An argument of the wrong type",
            &["recurse", "boolean", "^"],
            "- hosts: all
  gather_facts: false
  tasks:
    - name: Make a directory
      ansible.builtin.file:
        path: /tmp/example
        state: directory
        recurse: maybe
",
        )
    },
    local(
        "An undefined variable",
        &["'pakage_name' is undefined", "Did you mean 'package_name'"],
        "- hosts: all
  gather_facts: false
  vars:
    package_name: nginx
  tasks:
    - name: Say something
      ansible.builtin.debug:
        msg: \"install {{ pakage_name }}\"
",
    ),
    local(
        "Indentation",
        &["^"],
        "- hosts: all
  gather_facts: false
  tasks:
    - name: Say something
      ansible.builtin.debug:
        msg: hello
     when: true
",
    ),
    local(
        "A tab",
        &["tab", "spaces", "^"],
        "- hosts: all
  gather_facts: false
  tasks:
    - name: Say something
\t  ansible.builtin.debug:
        msg: hello
",
    ),
    local(
        "A template without quotes",
        &["quoted", "^"],
        "- hosts: all
  gather_facts: false
  vars:
    greeting: hello
  tasks:
    - name: Say something
      ansible.builtin.debug:
        msg: {{ greeting }}
",
    ),
    local(
        "A missing role",
        &["'ngnix' was not found", "roles", "^"],
        "- hosts: all
  gather_facts: false
  roles:
    - ngnix
",
    ),
    local(
        "A condition that is none",
        &["adn", "^"],
        "- hosts: all
  gather_facts: false
  tasks:
    - name: Say something
      ansible.builtin.debug:
        msg: hello
      when: inventory_hostname == 'localhost' adn ansible_check_mode
",
    ),
    local(
        "An unknown filter",
        &["to_nice_jsn", "did you mean 'to_nice_json'", "^"],
        "- hosts: all
  gather_facts: false
  tasks:
    - name: Say something
      ansible.builtin.debug:
        msg: \"{{ groups | to_nice_jsn }}\"
",
    ),
    local(
        "A handler that is not there",
        &["Restart ngnix", "did you mean \"Restart nginx\"", "^"],
        "- hosts: all
  gather_facts: false
  tasks:
    - name: Change something
      ansible.builtin.command: echo changed
      notify: Restart ngnix
  handlers:
    - name: Restart nginx
      ansible.builtin.debug:
        msg: restarted
",
    ),
    local(
        "No password for the vault",
        &["--vault-password-file"],
        "- hosts: all
  gather_facts: false
  vars:
    secret: !vault |
      $ANSIBLE_VAULT;1.1;AES256
      65343061366434326136616435643733633161663664383664326335656533303761333866383562
      3230303239383063663134636534393566333861396463380a396534333566393230636337373434
      66383332633363373634303334343166313862373230626330623764363430303431393333366131
      6638653261393462350a626462626436633233363739633436303161303964393934633565623065
      3037
  tasks:
    - name: Use the secret
      ansible.builtin.debug:
        msg: \"{{ secret }}\"
",
    ),
    Case {
        title: "An unreachable host",
        playbook: PING,
        place: Place::Server {
            key: "user",
            known: "host",
        },
        arguments: &["-e", "ansible_port=1"],
        is_of_system: true,
        says: &["127.0.0.1 port 1", "Connection refused"],
    },
    Case {
        title: "A host whose key is another one",
        playbook: PING,
        place: Place::Server {
            key: "user",
            known: "other_host",
        },
        arguments: &[],
        is_of_system: true,
        says: &["Host key verification failed", "expects", "offers"],
    },
    Case {
        title: "A key that the host does not accept",
        playbook: PING,
        place: Place::Server {
            key: "other_user",
            known: "host",
        },
        arguments: &[],
        is_of_system: true,
        says: &["Permission denied (publickey)", "other_user"],
    },
    Case {
        title: "No sudo on the host",
        playbook: "- hosts: all
  gather_facts: false
  become: true
  become_user: nobody
  vars:
    ansible_become_exe: /usr/local/bin/sudo
  tasks:
    - name: Ask as another user
      ansible.builtin.ping:
",
        place: Place::Local,
        arguments: &[],
        is_of_system: true,
        says: &["sudo", "not found"],
    },
];
