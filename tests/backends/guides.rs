//! The programs of the guides, as they stand there, against a hub.

use std::path::Path;

use serde_json::json;
use tokio::process::Child;

use crate::answers::answer;
use crate::language::{is_program, not_covered, root, shell};
use crate::site::Site;
use crate::support::port::free_port;
use crate::support::{DEADLINE, TestApp, until};

/// A program of `docs/guide/frameworks.md`.
struct Guide {
    heading: &'static str,
    language: &'static str,
    /// The name that the page gives its file, or nothing where the first line of each block names one.
    file: Option<&'static str>,
    /// The part that the page leaves to its reader, and the test's own: it takes the user from a header.
    session: (&'static str, &'static str),
    needs: (&'static str, &'static str),
    /// The package that `./test.sh` installs for it: in `tests/backends`, or the system's own.
    installed: &'static str,
    run: &'static str,
    /// A line of its log that tells of a job which found no hub; `None` if the program has no queue.
    queued: Option<&'static str>,
}

/// The settings of a site of Django, whose users sign in by a header.
const DJANGO: &str = "
SECRET_KEY = 'test'
ALLOWED_HOSTS = ['localhost']
ROOT_URLCONF = 'shop'
DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}}
MIDDLEWARE = ['settings.sign_in']

def sign_in(respond):
    class User:
        def __init__(self, name):
            self.is_authenticated = name is not None
            self.get_username = lambda: name

    def answer(request):
        request.user = User(request.headers.get('x-test-user'))
        return respond(request)

    return answer
";

/// Signs the users of a site of Laravel in by a header, and names its routes.
const LARAVEL: &str = "<?php
namespace App;

use Illuminate\\Auth\\GenericUser;
use Illuminate\\Support\\Facades\\{Auth, Route};

class SignIn extends \\Illuminate\\Support\\ServiceProvider
{
    public function boot(): void
    {
        Auth::viaRequest('header', function ($request) {
            $name = $request->header('x-test-user');
            return $name === null ? null : new GenericUser(['id' => $name]);
        });
        Route::middleware('web')->group(base_path('routes/web.php'));
    }
}
";

const GUIDES: [Guide; 7] = [
    Guide {
        heading: "Express",
        language: "js",
        file: Some("shop.mjs"),
        session: (
            "session.js",
            "exports.signedIn = (request) => request.get(\"x-test-user\");",
        ),
        needs: ("node", "--version"),
        installed: "node/node_modules/express",
        run: "ln -s \"$ROOT/tests/backends/node/node_modules\" . && exec node shop.mjs",
        queued: None,
    },
    Guide {
        heading: "FastAPI",
        language: "python",
        file: Some("shop.py"),
        session: (
            "session.py",
            "from fastapi import Request\n\ndef signed_in(request: Request):\n    return request.headers.get('x-test-user')\n",
        ),
        needs: ("python3", "--version"),
        installed: "python/packages/fastapi",
        run: "exec python3 -m uvicorn shop:app --port $PORT",
        queued: None,
    },
    Guide {
        heading: "Django",
        language: "python",
        file: Some("shop.py"),
        session: ("settings.py", DJANGO),
        needs: ("python3", "--version"),
        installed: "python/packages/django",
        run: "DJANGO_SETTINGS_MODULE=settings exec python3 -m django runserver --noreload localhost:$PORT",
        queued: None,
    },
    Guide {
        heading: "PHP",
        language: "php",
        file: Some("shop.php"),
        session: (
            "session.php",
            "<?php\nfunction signed_in(): ?string { return $_SERVER['HTTP_X_TEST_USER'] ?? null; }\n",
        ),
        needs: ("php", "--version"),
        installed: "..",
        run: "exec php -S localhost:$PORT shop.php",
        queued: None,
    },
    Guide {
        heading: "Go",
        language: "go",
        file: Some("main.go"),
        session: (
            "session.go",
            "package main\n\nimport \"net/http\"\n\nfunc signedIn(r *http.Request) string { return r.Header.Get(\"x-test-user\") }\n",
        ),
        needs: ("go", "version"),
        installed: "go",
        run: "printf 'module shop\\ngo 1.24\\nrequire campanile v0.0.0\\nreplace campanile => %s/clients/go\\n' \"$ROOT\" > go.mod && \
 go build -o shop . && exec ./shop",
        queued: None,
    },
    Guide {
        heading: "Rails",
        language: "ruby",
        file: None,
        session: (
            "app/controllers/application_controller.rb",
            "class ApplicationController < ActionController::Base\n  def signed_in = request.headers['x-test-user']\nend\n",
        ),
        needs: ("rails", "--version"),
        installed: "/usr/bin/puma",
        run: "cp -r \"$ROOT/tests/backends/rails/.\" . && RAILS_ENV=production exec puma -b tcp://localhost:$PORT",
        queued: Some("Retrying PublishJob"),
    },
    Guide {
        heading: "Laravel",
        language: "php",
        file: None,
        session: ("app/SignIn.php", LARAVEL),
        needs: ("php", "--version"),
        installed: "/usr/share/php/Illuminate/Foundation",
        run: "cp -r \"$ROOT/tests/backends/laravel/.\" . && mkdir -p bootstrap/cache database/migrations storage/logs storage/framework/views && \
              touch shop.sqlite && php artisan queue:table && php artisan migrate --force && { php artisan queue:work --sleep=1 & } && \
              exec php -S localhost:$PORT -t public public/index.php",
        queued: Some("ConnectionException"),
    },
];

#[tokio::test]
async fn the_programs_of_the_guide_give_tokens_and_publish_once() {
    let page = read("docs/guide/frameworks.md");
    for guide in &GUIDES {
        let (program, version) = guide.needs;
        let installed = root().join("tests/backends").join(guide.installed);
        if !is_program(program, version) || !installed.exists() {
            not_covered(
                guide.heading,
                "its runtime or its packages are not installed",
            );
            continue;
        }
        let mut site = Site::start().await;
        site.app.user("bob").await;
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (file, code) in guide.files(&page) {
            write(&folder.path().join(file), &code);
        }
        write(&folder.path().join(guide.session.0), guide.session.1);

        let shop = Shop::start(guide, &site, folder.path());

        shop.serves(&site.app).await;
        let alarms = until("it is published", DEADLINE, async || {
            let alarms = site.alarms("user:bob").await;
            (!alarms.is_empty()).then_some(alarms)
        })
        .await;
        assert_eq!(alarms.len(), 1, "{}: {alarms:?}", guide.heading);
        assert_eq!(alarms[0]["alarmType"], "ORDER_SHIPPED");
        assert_eq!(alarms[0]["targetId"], "17");
        assert_eq!(alarms[0]["data"], json!({"title": "On its way"}));
        if let Some(told) = guide.queued {
            shop.publishes_when_the_hub_is_back(&mut site, folder.path(), told)
                .await;
        }
    }
}

#[tokio::test]
async fn the_curl_commands_of_the_guide_make_a_user_publish_and_give_a_token() {
    let site = Site::start().await;
    let page = read("docs/guide/back-ends.md");
    let block = block(&page, "Use it", "sh");
    // The last command goes on until it is ended.
    let (commands, _watch) = block.split_once("# Watch").expect("the last command");

    let mut run = shell(root(), &format!("set -e\n{commands}"));
    run.env("HUB", &site.app.base_url).env("KEY", &site.key);
    let output = run.output().await.expect("a shell");

    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("\"displayName\":\"Bob\""), "{text}");
    assert!(text.contains("\"token\":\""), "{text}");
    assert_eq!(site.alarms("user:bob").await.len(), 1, "{text}");

    let declaring = self::block(&page, "Declare your types", "sh");
    let mut run = shell(root(), &format!("set -e\n{declaring}"));
    run.env("HUB", &site.app.base_url)
        .env("TYPES_KEY", site.app.admin());
    assert!(run.output().await.expect("a shell").status.success());
    let declared = site.app.get(&site.app.admin(), "/api/alarm-types");
    let declared = answer(declared, 200).await;
    let words = &declared["types"]["ORDER_SHIPPED"]["words"];
    assert_eq!(words["en"], "“{data.title}” is shipped");
}

impl Guide {
    /// The files of the page, with their names.
    fn files(&self, page: &str) -> Vec<(String, String)> {
        if let Some(file) = self.file {
            let code = block(page, self.heading, self.language);
            return vec![(file.to_owned(), code)];
        }
        let blocks = blocks(page, self.heading, self.language).into_iter();
        blocks
            .map(|code| {
                let first = code.lines().next().unwrap_or_default();
                let name = first.split(' ').next_back().unwrap_or_default().to_owned();
                assert!(name.contains('.'), "{first} names a file");
                (name, code)
            })
            .collect()
    }
}

/// The reader's site.
struct Shop {
    url: String,
    process: Child,
}

impl Drop for Shop {
    fn drop(&mut self) {
        // Its group, as a worker may run beside it.
        if let Some(id) = self.process.id() {
            let mut kill = std::process::Command::new("kill");
            kill.args(["-KILL", "--", &format!("-{id}")]).status().ok();
        }
    }
}

impl Shop {
    fn start(guide: &Guide, site: &Site, folder: &Path) -> Self {
        let port = free_port().to_string();
        let log = std::fs::File::create(folder.join("log.txt")).expect("a log");
        let mut command = shell(folder, guide.run);
        command
            .env("ROOT", root())
            .env("HUB", &site.app.base_url)
            .env("HUB_KEY", &site.key)
            .env("PORT", &port)
            .stdout(log.try_clone().expect("the log"))
            .stderr(log)
            .process_group(0);
        Self {
            url: format!("http://localhost:{port}"),
            process: command.spawn().expect("the site"),
        }
    }

    async fn serves(&self, hub: &TestApp) {
        let token = until("the site gives a token", DEADLINE, async || {
            let asking = hub.client.get(format!("{}/hub-token", self.url));
            let given = asking.header("x-test-user", "bob").send().await.ok()?;
            assert_eq!(given.status(), 200);
            given.text().await.ok()
        })
        .await;
        let me = answer(hub.get(&token, "/api/auth/me"), 200).await;
        assert_eq!(me["id"], "bob");

        answer_status(hub.client.get(format!("{}/hub-token", self.url)), 401).await;
        for _twice in 0..2 {
            self.ships(hub, 17).await;
        }
    }

    async fn ships(&self, hub: &TestApp, order: u32) {
        let address = format!("{}/orders/{order}/ship", self.url);
        answer_status(hub.client.post(address), 204).await;
    }

    async fn publishes_when_the_hub_is_back(&self, site: &mut Site, folder: &Path, told: &str) {
        site.app.cut_power();
        site.app.ended().await;
        self.ships(&site.app, 18).await;
        until("the job finds no hub", DEADLINE, async || {
            let log = std::fs::read_to_string(folder.join("log.txt")).expect("the log");
            log.contains(told).then_some(())
        })
        .await;
        site.app.restart().await;

        let orders = until("it is published later", DEADLINE, async || {
            let alarms = site.alarms("user:bob").await;
            let orders = alarms.iter().map(|it| it["targetId"].clone());
            let orders: Vec<_> = orders.collect();
            (orders.len() > 1).then_some(orders)
        })
        .await;
        assert_eq!(orders, ["17", "18"]);
    }
}

async fn answer_status(request: reqwest::RequestBuilder, status: u16) {
    assert_eq!(crate::answers::send(request).await.status(), status);
}

/// The first block of a language under a heading.
pub(crate) fn block(page: &str, heading: &str, language: &str) -> String {
    let first = blocks(page, heading, language).into_iter().next();
    first.expect("a block")
}

/// All blocks of a language under a heading.
pub(crate) fn blocks(page: &str, heading: &str, language: &str) -> Vec<String> {
    let (_, section) = page
        .split_once(&format!("\n## {heading}\n"))
        .expect("the heading");
    let section = section.split("\n## ").next().unwrap_or_default();
    let opening = format!("```{language}\n");
    let blocks = section.split(&opening).skip(1);
    blocks
        .map(|code| code.split_once("```").expect("its end").0.to_owned())
        .collect()
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(path, text).expect("a file");
}

pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect("the page")
}
