//! Words the generator makes fictional people and groups from: common names in several scripts, each with the ASCII form
//! that goes into logins. All characters are of the Basic Multilingual Plane, as in Okta.

/// A name as its bearer writes it, and in ASCII.
pub(crate) type Name = (&'static str, &'static str);

/// Given names and family names of one script or region.
pub(crate) struct People {
    /// How many of a hundred users come from here.
    pub(crate) share: usize,
    pub(crate) given: &'static [Name],
    pub(crate) family: &'static [Name],
    /// City, country code, time zone and language, as Okta stores them.
    pub(crate) places: &'static [(&'static str, &'static str, &'static str, &'static str)],
}

/// The shares add up to a hundred.
#[rustfmt::skip] // a table
pub(crate) const PEOPLE: [People; 8] = [
    People {
        share: 42,
        given: &[
            ("Alice", "alice"), ("Benjamin", "benjamin"), ("Charlotte", "charlotte"), ("Daniel", "daniel"),
            ("Emily", "emily"), ("Frank", "frank"), ("Grace", "grace"), ("Henry", "henry"), ("Isabel", "isabel"),
            ("Jack", "jack"), ("Katherine", "katherine"), ("Liam", "liam"), ("Maureen", "maureen"), ("Nora", "nora"),
            ("Oliver", "oliver"), ("Patricia", "patricia"), ("Quentin", "quentin"), ("Rachel", "rachel"),
            ("Samuel", "samuel"), ("Teresa", "teresa"), ("Victor", "victor"), ("Wendy", "wendy"),
        ],
        family: &[
            ("Anderson", "anderson"), ("Baker", "baker"), ("Carter", "carter"), ("Dawson", "dawson"),
            ("Edwards", "edwards"), ("Fletcher", "fletcher"), ("Griffin", "griffin"), ("Harper", "harper"),
            ("Ingram", "ingram"), ("Jensen", "jensen"), ("Keller", "keller"), ("Lawson", "lawson"),
            ("McAllister", "mcallister"), ("Norris", "norris"), ("O'Connor", "oconnor"), ("Porter", "porter"),
            ("Quinn", "quinn"), ("Reeves", "reeves"), ("Sutton", "sutton"), ("Turner", "turner"),
            ("Vaughan", "vaughan"), ("Smith-Walker", "smithwalker"),
        ],
        places: &[
            ("Chicago", "US", "America/Chicago", "en-US"), ("Manchester", "GB", "Europe/London", "en-GB"),
            ("Toronto", "CA", "America/Toronto", "en-CA"), ("Brisbane", "AU", "Australia/Brisbane", "en-AU"),
        ],
    },
    People {
        share: 24,
        given: &[
            ("Zoë", "zoe"), ("José", "jose"), ("François", "francois"), ("Jürgen", "juergen"), ("Åsa", "asa"),
            ("Łukasz", "lukasz"), ("Børge", "boerge"), ("Şebnem", "sebnem"), ("Jiří", "jiri"), ("Ágnes", "agnes"),
            ("Inês", "ines"), ("Ștefan", "stefan"), ("Kätlin", "katlin"), ("Ðorđe", "djordje"),
        ],
        family: &[
            ("Müller", "mueller"), ("Muñoz", "munoz"), ("Lefèvre", "lefevre"), ("Sørensen", "soerensen"),
            ("Wójcik", "wojcik"), ("Öztürk", "oezturk"), ("Dvořák", "dvorak"), ("Nagy-Tóth", "nagytoth"),
            ("Gonçalves", "goncalves"), ("Bjørnstad", "bjoernstad"), ("Țurcanu", "turcanu"), ("Weiß", "weiss"),
            ("d'Angelò", "dangelo"), ("Kovačić", "kovacic"),
        ],
        places: &[
            ("Köln", "DE", "Europe/Berlin", "de-DE"), ("Łódź", "PL", "Europe/Warsaw", "pl-PL"),
            ("A Coruña", "ES", "Europe/Madrid", "es-ES"), ("Århus", "DK", "Europe/Copenhagen", "da-DK"),
        ],
    },
    People {
        share: 9,
        given: &[
            ("Анна", "anna"), ("Борис", "boris"), ("Галина", "galina"), ("Дмитро", "dmytro"), ("Елена", "elena"),
            ("Юлія", "yuliia"), ("Иван", "ivan"), ("Ћирил", "ciril"),
        ],
        family: &[
            ("Соколова", "sokolova"), ("Кузнецов", "kuznetsov"), ("Шевчук", "shevchuk"), ("Петренко", "petrenko"),
            ("Димитрова", "dimitrova"), ("Ђорђевић", "djordjevic"), ("Морозов", "morozov"), ("Бойко", "boiko"),
        ],
        places: &[("Київ", "UA", "Europe/Kyiv", "uk-UA"), ("Пловдив", "BG", "Europe/Sofia", "bg-BG")],
    },
    People {
        share: 5,
        given: &[
            ("Ελένη", "eleni"), ("Γιώργος", "giorgos"), ("Κατερίνα", "katerina"), ("Νίκος", "nikos"),
            ("Σοφία", "sofia"), ("Θανάσης", "thanasis"),
        ],
        family: &[
            ("Παπαδάκη", "papadaki"), ("Οικονόμου", "oikonomou"), ("Αντωνίου", "antoniou"),
            ("Βλάχος", "vlachos"), ("Καραγιάννης", "karagiannis"),
        ],
        places: &[("Θεσσαλονίκη", "GR", "Europe/Athens", "el-GR")],
    },
    People {
        share: 8,
        given: &[
            ("伟", "wei"), ("秀英", "xiuying"), ("丽", "li"), ("强", "qiang"), ("敏", "min"), ("志明", "zhiming"),
        ],
        family: &[("王", "wang"), ("李", "li"), ("张", "zhang"), ("陈", "chen"), ("欧阳", "ouyang"), ("黄", "huang")],
        places: &[("上海", "CN", "Asia/Shanghai", "zh-CN"), ("台北", "TW", "Asia/Taipei", "zh-TW")],
    },
    People {
        share: 5,
        given: &[("美咲", "misaki"), ("さくら", "sakura"), ("健太", "kenta"), ("ユウキ", "yuki"), ("陽子", "yoko")],
        family: &[("佐藤", "sato"), ("高橋", "takahashi"), ("渡辺", "watanabe"), ("斎藤", "saito"), ("小野寺", "onodera")],
        places: &[("京都", "JP", "Asia/Tokyo", "ja-JP")],
    },
    People {
        share: 3,
        given: &[("지우", "jiwoo"), ("민준", "minjun"), ("서연", "seoyeon"), ("하은", "haeun")],
        family: &[("김", "kim"), ("박", "park"), ("최", "choi"), ("남궁", "namgung")],
        places: &[("부산", "KR", "Asia/Seoul", "ko-KR")],
    },
    People {
        share: 4,
        given: &[("ليلى", "layla"), ("يوسف", "yusuf"), ("مريم", "maryam"), ("خالد", "khalid"), ("نور", "nour")],
        family: &[("الحداد", "alhaddad"), ("منصور", "mansour"), ("الخطيب", "alkhatib"), ("سليمان", "sulayman")],
        places: &[("القاهرة", "EG", "Africa/Cairo", "ar-EG")],
    },
];

/// Departments, each with the division it belongs to and its cost centre.
pub(crate) const DEPARTMENTS: [(&str, &str, &str); 12] = [
    ("Engineering", "Products", "4100"),
    ("Quality", "Products", "4110"),
    ("Design", "Products", "4120"),
    ("Support", "Customers", "5200"),
    ("Sales", "Customers", "5300"),
    ("Marketing", "Customers", "5400"),
    ("Finance", "Corporate", "1100"),
    ("Legal", "Corporate", "1200"),
    ("People", "Corporate", "1300"),
    ("Facilities", "Corporate", "1400"),
    ("IT Operations", "Corporate", "1500"),
    ("Research & Development", "Products", "4200"),
];

/// Job titles.
pub(crate) const TITLES: [&str; 10] = [
    "Engineer",
    "Senior Engineer",
    "Manager",
    "Director",
    "Analyst",
    "Specialist",
    "Consultant",
    "Coordinator",
    "Team Lead",
    "Architect",
];

/// What group names begin with, as administrators write them.
pub(crate) const GROUP_PREFIXES: [&str; 10] =
    ["jira", "confluence", "okta", "app", "team", "project", "site", "role", "Dept", "vpn"];

/// What group names go on with.
pub(crate) const GROUP_TOPICS: [&str; 24] = [
    "software-users",
    "administrators",
    "developers",
    "readers",
    "atlas",
    "billing",
    "contractors",
    "platform",
    "mobile",
    "security",
    "onboarding",
    "finance",
    "support-level-2",
    "release managers",
    "data & reports",
    "Köln",
    "Łódź",
    "東京",
    "marketing",
    "legal",
    "apollo",
    "partners",
    "auditors",
    "facilities",
];

/// Labels of applications.
pub(crate) const APPS: [&str; 6] = ["Jira", "Confluence", "Bitbucket", "Wiki Staging", "Payroll", "Travel"];
